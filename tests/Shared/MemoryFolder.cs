namespace KlingPS.Tests.Shared;

/// <summary>
/// A folder for a ledger that need not outlive a loss of power: in memory where the system has a place for that. Every commit is
/// flushed to disk, and hundreds of tests that only need some ledger would do little else.
/// </summary>
internal static class MemoryFolder
{
    private const string Place = "/dev/shm";

    private static readonly string? s_parent = FindParent();

    public static DirectoryInfo Create(string prefix)
        => s_parent is null ? Directory.CreateTempSubdirectory(prefix) : Directory.CreateDirectory(Path.Combine(s_parent, prefix + Guid.NewGuid().ToString("N")));

    /// <summary>The place, unless it is small, as in many containers, or somebody else's.</summary>
    private static string? FindParent()
    {
        try
        {
            if (!OperatingSystem.IsLinux() || new DriveInfo(Place) is not { DriveFormat: "tmpfs", AvailableFreeSpace: > 1L << 30 })
            {
                return null;
            }

            string probe = Path.Combine(Place, $"klingps-{Guid.NewGuid():N}");
            Directory.CreateDirectory(probe).Delete();
            return Place;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
