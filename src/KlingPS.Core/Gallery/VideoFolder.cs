using KlingPS.Core.Saving;

namespace KlingPS.Core.Gallery;

/// <summary>Finds the videos of a folder, and the sidecars of videos that are no longer there.</summary>
internal static class VideoFolder
{
    /// <summary>Deeper than any template makes folders.</summary>
    private const int MaxDepth = 16;

    private static readonly HashSet<string> s_extensions = new([".mp4", ".m4v", ".mov", ".webm"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a name is that of a video.</summary>
    public static bool IsVideo(string path) => s_extensions.Contains(Path.GetExtension(path));

    /// <summary>The full paths of the videos in a folder and below it, whether the videos are there or only their sidecars. Links to other folders are not followed, and the folders of portable galleries are left out.</summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileUnreadable"/>: the folder cannot be read.</exception>
    public static IReadOnlyList<string> List(string folder, CancellationToken cancellationToken)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        try
        {
            Add(folder, 0);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.FileUnreadable, $"The folder '{folder}' cannot be read: {exception.Message}", exception);
        }

        return [.. found];

        void Add(string folder, int depth)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (MediaFolder.IsOne(folder))
            {
                return;
            }

            var options = new EnumerationOptions { IgnoreInaccessible = depth > 0, AttributesToSkip = FileAttributes.None };
            foreach (string path in Directory.EnumerateFiles(folder, "*", options))
            {
                string video = path.EndsWith(Sidecar.Extension, StringComparison.OrdinalIgnoreCase) ? path[..^Sidecar.Extension.Length] : path;
                if (IsVideo(video))
                {
                    found.Add(video);
                }
            }

            options.AttributesToSkip = FileAttributes.ReparsePoint;
            foreach (string below in depth < MaxDepth ? Directory.EnumerateDirectories(folder, "*", options) : [])
            {
                Add(below, depth + 1);
            }
        }
    }
}
