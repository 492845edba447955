using System.Text;
using KlingPS.Core.Files;

namespace KlingPS.Core.Secrets;

/// <summary>
/// A file that holds the API key and nothing else, as Docker, Kubernetes and systemd give secrets to what they run. Errors name the file,
/// and never what is in it.
/// </summary>
internal static class KeyFile
{
    /// <summary>The environment variable that names the file.</summary>
    public const string Variable = "KIE_API_KEY_FILE";

    /// <summary>In bytes; no key is as long.</summary>
    private const int MaxLength = 4096;

    /// <summary>Reads the key.</summary>
    /// <param name="path">What the variable says.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.ApiKeyMissing"/>: the file is not there, is no ordinary file, is empty or cannot be read, or others can read it.
    /// <see cref="ErrorKind.Unauthorized"/>: what is in it is no key.
    /// </exception>
    public static ApiKey Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Path.IsPathFullyQualified(path))
        {
            // What is no path may be the key itself, which no message repeats.
            throw SecretForms.IsKey(path)
                ? new KlingException(ErrorKind.ApiKeyMissing, $"The environment variable {Variable} does not hold a path, but something that may be a key. Set it to the full path of a file with the key in it, or put the key into KIE_API_KEY.")
                : CreateUnusable(path, "would be a different file in every folder. Set the variable to the full path of the file");
        }

        byte[] content = [];
        try
        {
            using (FileStream file = OrdinaryFile.Open(path, share: FileShare.ReadWrite | FileShare.Delete))
            {
                if (FilePrivacy.FindOthers(file, path) is string others)
                {
                    throw CreateUnusable(path, $"was not read, because it {others}. If others have seen the key, make a new one at https://kie.ai/api-key");
                }

                content = new byte[MaxLength + 1];
                int length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
                if (length > MaxLength)
                {
                    throw CreateUnusable(path, FormattableString.Invariant($"has more than {MaxLength:N0} bytes, so it does not hold a key alone"));
                }

                return Parse(content.AsSpan(0, length), path);
            }
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw CreateUnusable(path, new FileInfo(path).LinkTarget is string target ? $"is a link to '{target}', where nothing is" : "is not there", exception);
        }
        catch (NotOrdinaryFileException exception)
        {
            throw CreateUnusable(path, $"is {FileFacts.Describe(exception.Kind)}, not an ordinary file", exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw CreateUnusable(path, "may not be read by this user. Let the user that KlingPS runs as own it", exception);
        }
        catch (IOException exception)
        {
            throw CreateUnusable(path, $"cannot be read ({exception.Message.TrimEnd('.')})", exception);
        }
        finally
        {
            Array.Clear(content);
        }
    }

    private static ApiKey Parse(ReadOnlySpan<byte> content, string path)
    {
        // Windows PowerShell writes text as UTF-16, with the mark that says so.
        Encoding encoding = content.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) ? Encoding.Unicode
            : content.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]) ? Encoding.BigEndianUnicode
            : Encoding.UTF8;
        char[] text = new char[encoding.GetMaxCharCount(content.Length)];
        try
        {
            return ApiKey.From(text.AsSpan(0, encoding.GetChars(content, text)));
        }
        catch (KlingException exception)
        {
            throw exception.WithMessage(exception.Kind == ErrorKind.ApiKeyMissing
                ? $"{Name(path)} is empty."
                : $"{Name(path)} does not hold a valid key. {exception.Message}");
        }
        finally
        {
            Array.Clear(text);
        }
    }

    private static KlingException CreateUnusable(string path, string problem, Exception? cause = null)
        => new(ErrorKind.ApiKeyMissing, $"{Name(path)} {problem}.", cause);

    private static string Name(string path) => $"The file '{path}', which the environment variable {Variable} names for the API key,";
}
