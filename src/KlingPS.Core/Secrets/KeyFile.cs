using System.Text;
using KlingPS.Core.Files;

namespace KlingPS.Core.Secrets;

/// <summary>
/// A file that holds the API key and nothing else, which is how Docker, Kubernetes and systemd pass on secrets. Errors name the file,
/// never its content.
/// </summary>
internal static class KeyFile
{
    /// <summary>The environment variable that names the file.</summary>
    public const string Variable = "KIE_API_KEY_FILE";

    /// <summary>In bytes; no key is that long.</summary>
    private const int MaxLength = 4096;

    /// <summary>Reads the key.</summary>
    /// <param name="path">The value of the variable.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.ApiKeyMissing"/>: the file is missing, is not an ordinary file, is empty, cannot be read, or can be read by others.
    /// <see cref="ErrorKind.Unauthorized"/>: its content is not a key.
    /// </exception>
    public static ApiKey Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Path.IsPathFullyQualified(path))
        {
            // What is not a path may be the key itself, and no message repeats that.
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
