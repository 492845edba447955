namespace KlingPS.Core.Saving;

/// <summary>Finds out whether videos can be put into a folder, before anything is paid for.</summary>
internal static class DestinationFolder
{
    /// <summary>Refuses a file where the folder should be; changes nothing.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>.</exception>
    public static void RequireNoFile(string path)
    {
        if (File.Exists(path))
        {
            throw new KlingException(ErrorKind.DestinationUnusable, $"'{path}' is a file, so no videos can be saved in it.");
        }
    }

    /// <summary>Creates the folder, if it is missing, and a file in it, which is deleted at once.</summary>
    /// <param name="path">The full path of the folder.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>: it is a file, or cannot be created or written to.</exception>
    public static void RequireWritable(string path)
    {
        RequireNoFile(path);
        try
        {
            Directory.CreateDirectory(path);
            string probe = Path.Combine(path, $".klingps-{Guid.NewGuid():N}");
            new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new KlingException(ErrorKind.DestinationUnusable, $"Videos cannot be written to '{path}': {exception.Message}", exception);
        }
    }
}
