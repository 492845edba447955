using System.Buffers;
using System.Globalization;
using System.Text;
using KlingPS.Core.Files;
using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>The prompt of an image in a text file beside it: <c>fox.png.txt</c>, or <c>fox.txt</c>. UTF-8, or what its byte order mark says.</summary>
internal static class PromptFile
{
    /// <summary>In bytes; a longer file cannot be a prompt.</summary>
    private const int MaxLength = 64 * 1024;

    /// <summary>The longest mark of each kind first: the one of UTF-32 begins like that of UTF-16.</summary>
    private static readonly Encoding[] s_marked = [Encoding.UTF8, Encoding.UTF32, new UTF32Encoding(bigEndian: true, byteOrderMark: true), Encoding.Unicode, Encoding.BigEndianUnicode];

    /// <summary>Takes the prompt of a submission from the file beside its image; if there is none, or it is empty, the submission keeps its own.</summary>
    /// <param name="submission">The submission.</param>
    /// <param name="onEmpty">Called for an empty file: the video is bought with a different text from the one that somebody may have meant to write there.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: it has no prompt at all. Otherwise as <see cref="ReadAsync"/>.
    /// </exception>
    internal static async Task<Submission> ApplyAsync(Submission submission, Action<string> onEmpty, CancellationToken cancellationToken)
    {
        VideoSpec spec = submission.Spec;
        if (spec.Image is not { IsFile: true, Path: string path })
        {
            return submission;
        }

        try
        {
            if (await ReadAsync(path, ModelCatalog.Get(spec.Model), cancellationToken).ConfigureAwait(false) is (string from, string prompt))
            {
                return submission with { Spec = spec with { Prompt = prompt }, PromptPath = from };
            }

            string? empty = ListPaths(path).FirstOrDefault(IsThere);
            if (spec.Prompt is null || PromptText.Normalize(spec.Prompt).Length == 0)
            {
                throw new KlingException(
                    ErrorKind.RequestInvalid,
                    empty is not null
                        ? $"It has no prompt: '{empty}' is empty. Write one into it, or give -Prompt for images whose text file is empty or missing."
                        : $"It has no prompt. Put one into '{path}.txt', or give -Prompt for images without a text file.");
            }

            if (empty is not null)
            {
                onEmpty(empty);
            }

            return submission;
        }
        catch (KlingException exception)
        {
            throw submission.SayNothingBought(exception);
        }
    }

    /// <summary>Reads the prompt of an image.</summary>
    /// <param name="imagePath">The full path of the image.</param>
    /// <param name="model">The model that it is for, which says how long it may be.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The file and its text, unchanged (see <see cref="PromptText"/>); <see langword="null"/> if there is no such file or it is empty.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: it is longer than a prompt may be, or not in a known encoding.
    /// <see cref="ErrorKind.FileUnreadable"/>: it cannot be read.
    /// </exception>
    public static async Task<(string Path, string Text)?> ReadAsync(string imagePath, ModelSpec model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(imagePath);
        ArgumentNullException.ThrowIfNull(model);
        foreach (string path in ListPaths(imagePath))
        {
            if (IsThere(path) && await ReadTextAsync(path, model, cancellationToken).ConfigureAwait(false) is string text && PromptText.Normalize(text).Length > 0)
            {
                return (path, text);
            }
        }

        return null;
    }

    /// <summary>Where the prompt of an image may be; the first takes precedence.</summary>
    private static string[] ListPaths(string imagePath) => [imagePath + ".txt", Path.ChangeExtension(imagePath, ".txt")];

    /// <summary>Whether anything has this name. Anything that is not a file is refused when it is read, rather than ignored, because the user does not expect it.</summary>
    private static bool IsThere(string path) => FileFacts.TryOfName(path) is not null;

    private static async Task<string> ReadTextAsync(string path, ModelSpec model, CancellationToken cancellationToken)
    {
        try
        {
            // An unpacked archive may hold a link to anything, and what it leads to would be sent to the service.
            Place place = Place.Of(path);
            if (!place.IsWithin(Place.Of(Path.GetDirectoryName(path)!)))
            {
                throw new KlingException(
                    ErrorKind.RequestInvalid,
                    $"The prompt file '{path}' is a link that leads out of the folder of its image, to '{place.Path}'. It was not read, so that no other file is sent as a prompt. "
                    + "Put a copy of the text in its place if you mean it.");
            }

            return Decode(await OrdinaryFile.ReadAllBytesAsync(place.Path, MaxLength, cancellationToken).ConfigureAwait(false), path);
        }
        catch (FileTooLongException exception)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                string.Create(CultureInfo.InvariantCulture, $"The prompt in '{path}' has more than {MaxLength:N0} bytes; {model.Id} takes at most {model.MaxPromptLength} characters."),
                exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.FileUnreadable, $"The prompt in '{path}' cannot be read: {exception.Message}", exception);
        }
    }

    private static string Decode(byte[] content, string path)
    {
        if (Array.Find(s_marked, encoding => content.AsSpan().StartsWith(encoding.Preamble)) is Encoding marked)
        {
            // Bytes that are not valid in the encoding become U+FFFD, which is refused.
            return marked.GetString(content.AsSpan(marked.Preamble.Length));
        }

        int valid = 0;
        while (valid < content.Length)
        {
            if (Rune.DecodeFromUtf8(content.AsSpan(valid), out _, out int length) != OperationStatus.Done)
            {
                string why = PromptText.LooksLikeUtf16(Encoding.Latin1.GetString(content)) ? "It looks like UTF-16 without a byte order mark" : "It was probably saved in an older encoding, such as Windows-1252";
                string before = Encoding.UTF8.GetString(content, 0, valid);
                throw new KlingException(
                    ErrorKind.RequestInvalid,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"The prompt in '{path}' is not UTF-8: the byte 0x{content[valid]:X2} {PromptText.Locate(before, before.Length)} is not a character, and letters would be garbled. {why}. Save the file as UTF-8."));
            }

            valid += length;
        }

        return Encoding.UTF8.GetString(content);
    }
}
