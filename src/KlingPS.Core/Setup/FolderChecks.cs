using System.Globalization;
using KlingPS.Core.Files;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Setup;

/// <summary>Checks folders that a run writes to. Anything created for the check is removed again.</summary>
internal static class FolderChecks
{
    private const long Megabyte = 1024 * 1024;

    private const string MoveAdvice = "Put the ledger on a disk of this machine: set KLINGPS_LEDGER, or Ledger in the configuration, to a path there. To move it, close all shells that use it first, and move its file with those beside it.";

    /// <summary>Checks where videos go: the folder is created, and a file in it is written, renamed and deleted.</summary>
    /// <param name="path">The full path; it need not exist.</param>
    public static KlingSetupCheck CheckDestination(string path)
    {
        const string Name = "Destination";
        const long Least = 100 * Megabyte;
        const long Enough = 2048 * Megabyte;
        List<string> created = FindMissing(path);
        try
        {
            DestinationFolder.RequireWritable(path);
        }
        catch (KlingException exception)
        {
            return KlingSetupCheck.Failed(Name, exception.Message, "Allow the user who runs the command to create the folder and write to it, or choose another one with -Destination.");
        }
        finally
        {
            RemoveEmpty(created);
        }

        string what = created.Count == 0 ? $"Videos can be saved in '{path}'" : $"The folder '{path}' can be created, and videos can be saved in it";
        return JudgeSpace(Name, what, path, Least, Enough, "Free some space, or choose another folder with -Destination.");
    }

    /// <summary>Checks where the ledger's file is: that other machines do not write there, and that there is enough room.</summary>
    /// <param name="path">The full path of the file; it need not exist.</param>
    public static KlingSetupCheck CheckLedgerPlace(string path)
    {
        const string Name = "LedgerPlace";
        const long Least = 50 * Megabyte;
        const long Enough = 500 * Megabyte;
        Volume? volume = Volume.Of(path);
        return volume switch
        {
            { Reach: VolumeReach.Shared } => KlingSetupCheck.Failed(Name, DescribeShared(path, volume), MoveAdvice),
            { IsReadOnly: true } => KlingSetupCheck.Failed(
                Name,
                $"The ledger '{path}' is on a file system that is read-only ('{volume.Root}', {volume.Format}).",
                "Put the ledger where it can be written: set KLINGPS_LEDGER, or Ledger in the configuration, to a path there."),
            { IsInMemory: true } => KlingSetupCheck.Warning(
                Name,
                $"The ledger '{path}' is in memory ('{volume.Root}', {volume.Format}), and gone when the machine or the container is stopped. What was bought would be bought again.",
                "Put the ledger on a disk that stays, with KLINGPS_LEDGER or with Ledger in the configuration."),
            { Reach: VolumeReach.Unknown } => KlingSetupCheck.Warning(
                Name,
                $"The ledger '{path}' is on a file system that a program provides ('{volume.Root}', {volume.Format}). It is not known whether SQLite's locks work there.",
                "Put the ledger on a disk of this machine, unless you know that this one is."),
            null => KlingSetupCheck.Warning(
                Name,
                $"What kind of file system the ledger '{path}' is on could not be found out.",
                "Make sure that it is a disk of this machine, and not a network drive or a synchronized folder."),
            _ => JudgeSpace(Name, $"The ledger is on a disk of this machine ('{volume.Root}', {volume.Format})", path, Least, Enough, "Free some space: without room for its records, nothing is bought."),
        };
    }

    /// <summary>What to tell the user before something is bought with a ledger that other machines can write to; <see langword="null"/> if none can.</summary>
    /// <param name="path">The full path of the ledger's file.</param>
    public static string? FindSharing(string path)
        => Volume.Of(path) is { Reach: VolumeReach.Shared } volume ? $"{DescribeShared(path, volume)} {MoveAdvice}" : null;

    private static string DescribeShared(string path, Volume volume)
        => $"The ledger '{path}' is on a file system that other machines share ('{volume.Root}', {volume.Format}). SQLite's locks do not hold there: two processes could buy the same video, or damage the ledger.";

    /// <summary>Makes sure that a ledger can be created: creates and deletes a file in its folder, or in the deepest existing one above it.</summary>
    /// <param name="path">The full path of the ledger's file.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: it cannot.</exception>
    public static void RequireLedgerCreatable(string path)
    {
        string folder = Place.Of(Path.GetDirectoryName(path)!).Existing;
        string probe = TemporaryFile.NameIn(folder);
        try
        {
            OwnFile.Create(probe, FileReaders.Owner).Dispose();
            File.Delete(probe);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            OwnFile.TryDelete(probe);
            throw new KlingException(ErrorKind.LedgerUnusable, $"There is no ledger at '{path}' yet, and none can be created there: {exception.Message}", exception);
        }
    }

    /// <summary>The folders on the path that do not exist, the deepest first.</summary>
    private static List<string> FindMissing(string path)
    {
        var missing = new List<string>();
        for (string? folder = path; folder is not null && !Path.Exists(folder); folder = Path.GetDirectoryName(folder))
        {
            missing.Add(folder);
        }

        return missing;
    }

    /// <summary>Removes folders that were created for the check. One that somebody has put something into in the meantime stays.</summary>
    private static void RemoveEmpty(IEnumerable<string> folders)
    {
        try
        {
            foreach (string folder in folders.Where(Directory.Exists))
            {
                Directory.Delete(folder, recursive: false);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It is in use by now, just as it would be after a run.
        }
    }

    private static KlingSetupCheck JudgeSpace(string name, string what, string path, long least, long enough, string advice)
    {
        if (DiskSpace.Find(path) is not long free)
        {
            return KlingSetupCheck.Ok(name, $"{what}. How much room there is could not be found out.");
        }

        string room = free >= 1024 * Megabyte
            ? string.Create(CultureInfo.InvariantCulture, $"{free / (1024.0 * Megabyte):0.0} GB are free")
            : string.Create(CultureInfo.InvariantCulture, $"{free / Megabyte} MB are free");
        return free < least ? KlingSetupCheck.Failed(name, $"{what}, but only {room}.", advice)
            : free < enough ? KlingSetupCheck.Warning(name, $"{what}. Only {room}.", advice)
            : KlingSetupCheck.Ok(name, $"{what}. {room}.");
    }
}
