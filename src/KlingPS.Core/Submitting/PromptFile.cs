using System.Text;
using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>The prompt of an image in a text file beside it: <c>fox.png.txt</c>, or <c>fox.txt</c>. UTF-8, or what its byte order mark says.</summary>
internal static class PromptFile
{
    /// <summary>In bytes; a longer file cannot be a prompt.</summary>
    private const int MaxLength = 64 * 1024;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Takes the prompt of a submission from the file beside its image; where there is none, it keeps its own.</summary>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: it has no prompt at all. Otherwise as <see cref="ReadAsync"/>.
    /// </exception>
    internal static async Task<Submission> ApplyAsync(Submission submission, CancellationToken cancellationToken)
    {
        VideoSpec spec = submission.Spec;
        if (spec.Image is not { IsFile: true, Path: string path })
        {
            return submission;
        }

        try
        {
            string? prompt = await ReadAsync(path, ModelCatalog.Get(spec.Model), cancellationToken).ConfigureAwait(false) ?? spec.Prompt;
            return !string.IsNullOrWhiteSpace(prompt)
                ? submission with { Spec = spec with { Prompt = prompt } }
                : throw new KlingException(
                    ErrorKind.RequestInvalid,
                    $"It has no prompt. Put one into '{path}.txt', or give -Prompt for images without a text file.");
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
    /// <returns>The text without white space around it; <see langword="null"/> when there is no such file or nothing in it.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: it is longer than a prompt may be. <see cref="ErrorKind.FileUnreadable"/>: it cannot be read.
    /// </exception>
    public static async Task<string?> ReadAsync(string imagePath, ModelSpec model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(imagePath);
        ArgumentNullException.ThrowIfNull(model);
        foreach (string path in (string[])[imagePath + ".txt", Path.ChangeExtension(imagePath, ".txt")])
        {
            if (File.Exists(path) && await ReadTextAsync(path, model, cancellationToken).ConfigureAwait(false) is { Length: > 0 } prompt)
            {
                return prompt.Length <= model.MaxPromptLength ? prompt : throw CreateTooLongException(path, prompt.Length, model);
            }
        }

        return null;
    }

    private static async Task<string> ReadTextAsync(string path, ModelSpec model, CancellationToken cancellationToken)
    {
        try
        {
            long length = new FileInfo(path).Length;
            return length <= MaxLength
                ? (await File.ReadAllTextAsync(path, s_utf8, cancellationToken).ConfigureAwait(false)).Trim()
                : throw CreateTooLongException(path, length, model);
        }
        catch (DecoderFallbackException exception)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"The prompt in '{path}' is not UTF-8, so its letters would be garbled. Save the file as UTF-8.",
                exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.FileUnreadable, $"The prompt in '{path}' cannot be read: {exception.Message}", exception);
        }
    }

    private static KlingException CreateTooLongException(string path, long length, ModelSpec model) => new(
        ErrorKind.RequestInvalid,
        $"The prompt in '{path}' has {length} characters; {model.Id} takes at most {model.MaxPromptLength}.");
}
