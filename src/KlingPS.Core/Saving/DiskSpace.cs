namespace KlingPS.Core.Saving;

/// <summary>How much room a disk has.</summary>
internal static class DiskSpace
{
    /// <summary>The bytes that the user of this process may still write there.</summary>
    /// <param name="path">The full path of a file or folder; it need not exist.</param>
    /// <returns><see langword="null"/> if that cannot be found out, as on a network share.</returns>
    public static long? Find(string path)
    {
        try
        {
            string? place = OperatingSystem.IsWindows() ? Path.GetPathRoot(path) : FindExisting(path);

            // A file system that does not know its size, as some of those in user space, has none to give; that does not mean that it is full.
            return place is not null && new DriveInfo(place) is { TotalSize: > 0 } drive ? drive.AvailableFreeSpace : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static string? FindExisting(string path)
    {
        string? place = path;
        while (place is not null && !Path.Exists(place))
        {
            place = Path.GetDirectoryName(place);
        }

        return place;
    }
}
