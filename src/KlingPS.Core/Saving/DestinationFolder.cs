using KlingPS.Core.Files;

namespace KlingPS.Core.Saving;

/// <summary>Finds out whether videos can be saved to a folder, before anything is paid for.</summary>
internal static class DestinationFolder
{
    /// <summary>Enough to notice a full disk, which still accepts empty files.</summary>
    private const int ProbeLength = 64 * 1024;

    /// <summary>Refuses a path that is not a folder, or that is below something that is not one; changes nothing.</summary>
    /// <param name="path">The full path of the folder, which need not exist.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>.</exception>
    public static void RequireFolder(string path)
    {
        try
        {
            if (FileFacts.OfName(path)?.Kind == FileKind.Link && FileFacts.Of(path) is null)
            {
                throw CreateException($"'{path}' is a link to '{new FileInfo(path).LinkTarget}', where nothing is, so no videos can be saved in it.");
            }

            string existing = Place.Of(path).Existing;
            if (FileFacts.Of(existing) is { Kind: not FileKind.Folder } other)
            {
                string what = Place.IsSame(existing, path) ? $"'{path}' is {other.Description}" : $"'{path}' would be inside '{existing}', which is {other.Description}";
                throw CreateException($"{what}, so no videos can be saved in it.");
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CreateException($"Videos cannot be written to '{path}': {exception.Message}", exception);
        }
    }

    /// <summary>Creates the folder, if it is missing, and a file in it, which is written, renamed and deleted.</summary>
    /// <param name="path">The full path of the folder.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>: it is not a folder, or cannot be created or written to.</exception>
    public static void RequireWritable(string path)
    {
        RequireFolder(path);
        string probe = TemporaryFile.NameIn(path);
        try
        {
            OwnFile.CreateFolder(path, FileReaders.Umask);
            using (FileStream file = OwnFile.Create(probe, FileReaders.Owner))
            {
                file.Write(new byte[ProbeLength]);
            }

            // A video is renamed as well, once it is complete. Some folders accept files but do not let them be renamed.
            string renamed = probe + "-renamed";
            File.Move(probe, renamed);
            probe = renamed;
            File.Delete(probe);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            OwnFile.TryDelete(probe);
            throw CreateException($"Videos cannot be written to '{path}': {exception.Message}", exception);
        }
    }

    /// <summary>The same, but the folder is not created: if it is missing, the one above it is tried.</summary>
    /// <param name="path">The full path of the folder.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>.</exception>
    public static void RequireCreatable(string path)
    {
        RequireFolder(path);
        RequireWritable(Place.Of(path).Existing);
    }

    private static KlingException CreateException(string message, Exception? cause = null) => new(ErrorKind.DestinationUnusable, message, cause);
}
