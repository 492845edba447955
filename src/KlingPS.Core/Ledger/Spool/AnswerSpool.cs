using System.Globalization;
using System.Text.Json;
using KlingPS.Core.Files;

namespace KlingPS.Core.Ledger.Spool;

/// <summary>
/// Keeps on this machine what happens while the ledger cannot be written: a file for each answer, which is complete or absent, whenever
/// a process is killed. A later command that reaches the ledger records it, and only then is the file deleted.
/// </summary>
/// <remarks>Safe for concurrent use, by any number of processes.</remarks>
/// <param name="folder">The full path of the folder; created with the first answer.</param>
/// <param name="time">The clock, for the order of what has happened on this machine.</param>
/// <param name="all">The folder of the folders of all machines, if there is one: a machine may have had another name when it kept something.</param>
internal sealed class AnswerSpool(string folder, TimeProvider time, string? all = null)
{
    private const string AllFolders = "unrecorded";

    /// <summary>What to do when the ledger is lost in the middle of a command.</summary>
    public const string HowToGoOn = "Check the server and the network, then run the same command again: it continues with what is paid for, and buys nothing twice.";

    private const string Ending = ".json";
    private const int MaxLength = 1 << 16;

    /// <summary>
    /// The folder of a machine, below the user's data folder. Homes can be shared, so that each machine has its own; but names of machines can
    /// change, and a container has a new one each time, so what is in the others is recorded as well.
    /// </summary>
    /// <param name="userFolder">That folder.</param>
    /// <param name="machine">The machine.</param>
    public static string FolderOf(string userFolder, string machine)
        => Path.Combine(userFolder, AllFolders, ContentHash.OfText(machine)[..16]);

    /// <summary>The spool of this user.</summary>
    /// <param name="machine">This machine.</param>
    /// <param name="time">The clock.</param>
    /// <returns><see langword="null"/> if this user has no folder to keep anything in.</returns>
    public static AnswerSpool? Find(string machine, TimeProvider time)
        => LedgerLocation.FindUserFolder() is string userFolder ? new AnswerSpool(FolderOf(userFolder, machine), time, Path.Combine(userFolder, AllFolders)) : null;

    /// <summary>The error of a command that could not record what happened; it is kept in the spool.</summary>
    /// <param name="error">Why it could not be recorded.</param>
    /// <param name="kept">The folder it is kept in.</param>
    public static KlingException CreateKeptException(KlingException error, string kept)
    {
        KlingException ending = error.WithMessage($"{error.Message} What this command could not record is kept in '{kept}'; the next command on this machine that reaches the ledger records it.");
        ending.Advice = HowToGoOn;
        return ending;
    }

    /// <summary>Where the answers are.</summary>
    public string Folder => folder;

    /// <summary>Where all of them are, under whatever name of this machine they were kept.</summary>
    public string Root => all ?? folder;

    /// <summary>Whether there is anything to record.</summary>
    public bool HasAny => Folders.SelectMany(List).Any();

    /// <summary>The folder of this machine, and those of the others.</summary>
    private IEnumerable<string> Folders => all is null ? [folder] : Try(all, Directory.EnumerateDirectories).Where(other => other != folder).Prepend(folder);

    /// <summary>Keeps an answer. Once this has returned it survives a loss of power.</summary>
    /// <returns>Whether it is kept.</returns>
    public bool TryKeep(SpooledAnswer answer)
    {
        string begun = TemporaryFile.NameIn(folder);
        try
        {
            OwnFile.CreateFolder(folder, FileReaders.Owner);
            string name = string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyyMMdd'T'HHmmssfffffff}-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}{Ending}");
            using FileStream file = OwnFile.Create(begun, FileReaders.Owner, share: FileShare.Delete);
            file.Write(JsonSerializer.SerializeToUtf8Bytes(answer, SpoolContext.Default.SpooledAnswer));
            file.Flush(flushToDisk: true);
            OwnFile.MoveNew(begun, Path.Combine(folder, name));

            // This writes the file's new name to the disk as well.
            file.Flush(flushToDisk: true);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            OwnFile.TryDelete(begun);
            return false;
        }
    }

    /// <summary>What is kept, in the order in which it happened.</summary>
    /// <param name="isKnown">Whether a file, given by its path, need not be read.</param>
    public IReadOnlyList<SpooledFile> Read(Func<string, bool>? isKnown = null)
        => [.. Folders.SelectMany(List).Where(path => isKnown?.Invoke(path) != true).OrderBy(Path.GetFileName, StringComparer.Ordinal).Select(path => Read(path, Path.GetDirectoryName(path) == folder)).OfType<SpooledFile>()];

    private static string[] List(string folder) => Try(folder, static folder => Directory.EnumerateFiles(folder, "*" + Ending));

    /// <summary>What is in a folder that need not be there, and that this user need not be allowed to read.</summary>
    private static string[] Try(string folder, Func<string, IEnumerable<string>> list)
    {
        try
        {
            return Directory.Exists(folder) ? [.. list(folder)] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Removes an answer that has been recorded.</summary>
    public static void Remove(SpooledFile file) => OwnFile.TryDelete(file.Path);

    /// <summary>Notes in the name of a file that it has been recorded in a ledger that it was not kept for. Its content stays as it is.</summary>
    /// <param name="file">The file.</param>
    /// <param name="ledger">The id of that ledger.</param>
    /// <returns>Where the file is now.</returns>
    public static string Mark(SpooledFile file, string ledger)
    {
        string marked = file.Path[..^Ending.Length] + MarkOf(ledger) + Ending;
        try
        {
            OwnFile.MoveNew(file.Path, marked);
            return marked;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without the note it is recorded again, which changes nothing.
            return file.Path;
        }
    }

    /// <summary>Whether the name of a file says that it has been recorded in a ledger that it was not kept for.</summary>
    /// <param name="file">The file.</param>
    /// <param name="ledger">The id of that ledger.</param>
    public static bool IsMarked(SpooledFile file, string ledger) => Path.GetFileName(file.Path).Contains(MarkOf(ledger), StringComparison.Ordinal);

    private static string MarkOf(string ledger) => $".in-{ContentHash.OfText(ledger)[..16]}";

    /// <returns><see langword="null"/> if another process has recorded it in the meantime.</returns>
    private static SpooledFile? Read(string path, bool isOwn)
    {
        try
        {
            SpooledAnswer? answer = JsonSerializer.Deserialize(OrdinaryFile.ReadAllBytes(path, MaxLength), SpoolContext.Default.SpooledAnswer);
            return new SpooledFile(path, answer is { IsSound: true } ? answer : null, isOwn);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is JsonException or FileTooLongException or NotOrdinaryFileException)
        {
            return new SpooledFile(path, null, isOwn);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new SpooledFile(path, null, isOwn, e.Message);
        }
    }
}

/// <summary>A file of the spool.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Answer">What it holds; <see langword="null"/> if that is not what the module has written.</param>
/// <param name="IsOwn">Whether it was kept under the name that this machine has now. Otherwise its paths may be those of another machine.</param>
/// <param name="Obstacle">Why it cannot be read now, in the words of the system: what it holds is not known. Otherwise <see langword="null"/>.</param>
internal sealed record SpooledFile(string Path, SpooledAnswer? Answer, bool IsOwn, string? Obstacle = null);
