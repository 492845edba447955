using KlingPS.Core;
using KlingPS.Core.Clips;
using KlingPS.Core.Files;
using KlingPS.Core.Gallery;
using KlingPS.Core.Imaging;
using KlingPS.Core.Saving;

namespace KlingPS.Sessions;

/// <summary>Recognizes files with people's work by their content: no report, page, log or plan overwrites them, whatever the user allows.</summary>
internal static class KeptFiles
{
    /// <summary>What such a file is, for a message.</summary>
    /// <param name="path">The full path, which need not exist.</param>
    /// <returns><see langword="null"/> if it is not one of them, or cannot be read, which is reported when it is written.</returns>
    public static string? Describe(string path)
    {
        try
        {
            if (FileFacts.OfName(path) is not { Kind: FileKind.Ordinary, Length: > 0 })
            {
                return null;
            }

            using FileStream file = OrdinaryFile.Open(path, share: FileShare.ReadWrite | FileShare.Delete);
            return Mp4Structure.FindProblem(file) is null ? "a video"
                : PartialFile.IsOne(path) ? "a video that is being downloaded"
                : ImageInspector.Inspect(Rewind(file), path, ImageInspector.LargestLength, default).ImageFormat != ImageFormat.Unknown ? "an image"
                : ClipInspector.Inspect(Rewind(file), path).Format != ClipFormat.Unknown ? "a video or audio file"
                : Sidecar.TryRead(path) is not null ? "the sidecar of a video"
                : ChoiceFile.IsOne(path) ? "what was chosen on the page of a gallery"
                : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or KlingException)
        {
            return null;
        }
    }

    private static FileStream Rewind(FileStream file)
    {
        file.Position = 0;
        return file;
    }
}
