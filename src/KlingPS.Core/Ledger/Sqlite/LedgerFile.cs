using System.Globalization;
using System.Text;
using KlingPS.Core.Files;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>The ledger's file on disk: what counts as one, how it is created, and what happens to a damaged one.</summary>
/// <remarks>
/// An empty ledger would buy everything a second time, and an unattended run would not even notice. So none is created in place of
/// anything else: not in place of a file that is not a ledger, nor where a damaged one was set aside, or where one was kept that had been removed while
/// it was open. A file that is not a ledger is never changed.
/// </remarks>
internal sealed class LedgerFile(string path, TimeProvider time)
{
    private const string CheckFirst = "check https://kie.ai/logs for what has been bought";
    private const string DamagedMark = ".corrupt-";
    private const string KeptMark = ".kept-";

    /// <summary>The file itself, if the path is a link to it: SQLite keeps its other files beside that.</summary>
    public string Target => FileFacts.OfName(path)?.Kind == FileKind.Link && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } target ? target.FullName : path;

    /// <summary>Checks whether there is a file that can be a ledger.</summary>
    /// <returns>Whether there is one; otherwise one may be created.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: there is none, and none may be created.</exception>
    public bool Exists()
    {
        try
        {
            if (FileFacts.Of(path) is FileFacts facts)
            {
                RequireContent(facts);
                foreach (string suffix in (string[])["-wal", "-shm", "-journal"])
                {
                    OwnFile.Require(Target + suffix);
                }

                return true;
            }

            if (FileFacts.OfName(path)?.Kind == FileKind.Link)
            {
                throw CreateUnusableException($"it is a link to '{new FileInfo(path).LinkTarget}', and nothing is there. Bring back what it leads to, or give the path of another file");
            }

            if (DescribeRemains() is not string remains)
            {
                return false;
            }

            // The remains may belong to a file that somebody has created since the check.
            return FileFacts.Of(path) is not null ? Exists() : throw CreateUnusableException(remains);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CreateUnusableException($"it cannot be accessed ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>Creates the file as a whole, so that nobody sees anything but a complete ledger. It contains prompts and paths, so only its user can read it.</summary>
    /// <param name="fill">Turns an empty file into a ledger; it is closed again when this returns.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: nothing can be created there.</exception>
    public async Task CreateAsync(Func<string, Task> fill)
    {
        string folder = Path.GetDirectoryName(path)!;
        string begun = TemporaryFile.NameIn(folder);
        try
        {
            OwnFile.CreateFolder(folder, FileReaders.Owner);
            OwnFile.Create(begun, FileReaders.Owner).Dispose();
            await fill(begun).ConfigureAwait(false);
            OwnFile.MoveNew(begun, path);
        }
        catch (IOException) when (FileFacts.Of(path) is not null)
        {
            // Another process was quicker.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CreateUnusableException($"it cannot be created ({e.Message.TrimEnd('.')})", e);
        }
        finally
        {
            OwnFile.TryDelete(begun);
            OwnFile.TryDelete(begun + "-journal");
        }
    }

    /// <summary>Opens the existing file, and refuses one that is not a ledger or is incomplete. Changes nothing.</summary>
    /// <param name="findTables">Lists the tables of the file, without its -wal or with it, and changes nothing either.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public async Task<HeldFile> HoldAsync(Func<bool, Task<IReadOnlyCollection<string>>> findTables)
    {
        string target = Target;
        HeldFile held;
        try
        {
            held = new HeldFile(path, target);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CreateUnusableException($"it cannot be opened ({e.Message.TrimEnd('.')}). Let this user read and write it, or give the path of another file", e);
        }

        try
        {
            LedgerHeader header = held.Header;
            if (!header.IsDatabase)
            {
                throw CreateUnusableException("it is a file of another kind, and was left as it is. Give the path of another file; if it was a ledger, restore a backup");
            }

            if (header.ApplicationId != LedgerHeader.Application && await findTables(false).ConfigureAwait(false) is var tables && !IsLedger(tables))
            {
                if (tables.Count > 0)
                {
                    throw CreateUnusableException("it is the database of another program, and was left as it is. Give the path of another file");
                }

                // Earlier versions began with an empty file, and everything was in the -wal until they were closed.
                IReadOnlyCollection<string> all = HasWal() ? await findTables(true).ConfigureAwait(false) : [];
                if (!IsLedger(all))
                {
                    throw CreateUnusableException(all.Count > 0
                        ? "it is the database of another program, and was left as it is. Give the path of another file"
                        : $"there is nothing in it. What was recorded was in '{target}-wal', which is not beside it: it was copied or moved without that part, or is the database of another program. Put the part beside it, or restore a backup; or, to start an empty ledger, {CheckFirst}, then move this file to another folder");
                }
            }

            if (LacksWal(HasWal, () => !held.IsComplete))
            {
                throw CreateUnusableException(
                    $"what was recorded last was in '{target}-wal', which is not beside it: it was copied or moved without that part while a shell was at work. "
                    + $"Put the part beside it, or restore a backup. If the part is lost, {CheckFirst}; then, to go on with what is here, create an empty file '{target}-wal'");
            }

            if (HasWal() && HasOtherWal(held, target + "-wal"))
            {
                throw CreateUnusableException(
                    $"it was put in the place of another file, whose last records are in '{target}-wal' beside it. Put the other file back; "
                    + $"or, to use this one, move '{target}-wal' and '{target}-shm' to another folder, and {CheckFirst} since this file was saved");
            }

            return held;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            held.Dispose();
            throw CreateUnusableException($"it cannot be read ({e.Message.TrimEnd('.')}). Let this user read and write it, or give the path of another file", e);
        }
        catch
        {
            held.Dispose();
            throw;
        }

        bool HasWal() => FileFacts.OfName(target + "-wal") is not null;
    }

    /// <summary>Whether the file says that its last records are in a -wal, and there is none.</summary>
    /// <param name="hasWal">Whether there is a -wal now.</param>
    /// <param name="isMarked">Whether the file says so now.</param>
    internal static bool LacksWal(Func<bool> hasWal, Func<bool> isMarked)
    {
        // A shell that begins has its -wal before it marks the file, and one that ends removes the mark before its -wal goes. So a second
        // check in this order tells a lost part from a shell that began or ended between two checks.
        return !hasWal() && isMarked() && !hasWal() && isMarked();
    }

    /// <summary>Whether the -wal is that of another file: SQLite would write what is in it to this one all the same. Nothing in it, or that of an earlier version, is none.</summary>
    private static bool HasOtherWal(HeldFile held, string wal)
    {
        while (true)
        {
            LedgerMark file = held.Header.Mark;
            ulong? salt = WriteAheadLog.FindSalt(wal);
            bool isEmpty = true;
            foreach (LedgerMark mark in WriteAheadLog.ReadMarks(wal))
            {
                if (mark.Continues(file))
                {
                    return false;
                }

                isEmpty = false;
            }

            // A shell may have begun or ended in between, or begun the -wal anew.
            if (isEmpty || (held.Header.Mark == file && WriteAheadLog.FindSalt(wal) == salt))
            {
                return !isEmpty;
            }
        }
    }

    /// <summary>Sets a damaged ledger aside. A file that does not look like one stays where it is.</summary>
    /// <param name="held">The file; this closes it.</param>
    /// <param name="cause">The error.</param>
    /// <returns>What to tell the user; <see langword="null"/> if the file was not moved.</returns>
    public KlingException? SetAside(HeldFile held, Exception cause)
    {
        bool isLedger = held.Header.ApplicationId == LedgerHeader.Application || Encoding.Latin1.GetString(held.ReadStart(1 << 16)).Contains("CREATE TABLE rate_leases", StringComparison.Ordinal);
        held.Dispose();
        string aside = NameAside(DamagedMark);
        try
        {
            // The files that SQLite keeps beside it are part of it.
            foreach (string suffix in isLedger ? (string[])["", "-wal", "-shm"] : [])
            {
                if (File.Exists(path + suffix))
                {
                    File.Move(path + suffix, aside + suffix);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return isLedger ? CreateUnusableException(DescribeDamage(aside), cause) : null;
    }

    /// <summary>Saves a ledger that a shell still has open but whose file is no longer in its place.</summary>
    /// <param name="problem">What has happened to it.</param>
    /// <param name="kept">Where it was kept before, if it was; that file is replaced.</param>
    /// <param name="isNewer">Whether something was written since.</param>
    /// <param name="copy">Writes the whole ledger to an empty file.</param>
    /// <returns>Where it is kept, and what to tell the user.</returns>
    public async Task<(string? Kept, KlingException Error)> KeepAsync(string problem, string? kept, bool isNewer, Func<string, Task> copy)
    {
        string aside = kept ?? NameAside(KeptMark);
        string begun = TemporaryFile.NameIn(Path.GetDirectoryName(path)!);
        try
        {
            if (isNewer || kept is null || !File.Exists(kept))
            {
                OwnFile.CreateFolder(Path.GetDirectoryName(path)!, FileReaders.Owner);
                OwnFile.Create(begun, FileReaders.Owner).Dispose();
                await copy(begun).ConfigureAwait(false);
                LedgerHeader.Renew(begun);
                File.Move(begun, aside, overwrite: true);
            }

            return (aside, CreateUnusableException(
                $"{problem}. What it held is kept in '{aside}'. Close all shells that use the ledger, then put back the file that was there; or move '{aside}' to '{path}', and '{path}-wal' and '{path}-shm', if they are there, to another folder. "
                + $"If you have replaced the ledger on purpose, close this shell or run Disconnect-KlingAccount; what was bought since is in '{aside}'"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Data.Common.DbException)
        {
            OwnFile.TryDelete(begun);
            return (kept, CreateUnusableException(
                $"{problem}. Put it back where it was. What it held could not be kept beside it ({e.Message.TrimEnd('.')}), so leave this shell open until then", e));
        }
    }

    /// <summary>The error that says why the ledger cannot be used.</summary>
    public KlingException CreateUnusableException(string reason, Exception? cause = null)
        => new(ErrorKind.LedgerUnusable, $"The ledger '{path}' cannot be used: {reason}. Without the ledger nothing is bought.", cause);

    private static bool IsLedger(IReadOnlyCollection<string> tables) => tables.Contains("schema_version") && tables.Contains("rate_leases");

    private void RequireContent(FileFacts facts)
    {
        if (facts.Kind != FileKind.Ordinary)
        {
            throw CreateUnusableException($"it is {facts.Description}. Give the path of a file");
        }

        // SQLite keeps the newest part beside the name by which it was opened.
        if (facts.Names > 1)
        {
            throw CreateUnusableException(
                $"the file has {facts.Names} names (hard links), and what is recorded under one of them would be missing under the others. Delete the other names, or copy the file");
        }

        if (facts.Length == 0)
        {
            throw CreateUnusableException($"the file is empty, so it is not a ledger, or has lost its content. Restore a backup; or, to start an empty ledger, {CheckFirst}, then remove the file");
        }
    }

    private string NameAside(string mark) => string.Create(CultureInfo.InvariantCulture, $"{path}{mark}{time.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}");

    /// <summary>What is left of a ledger whose file is missing, and what to do about it.</summary>
    private string? DescribeRemains()
    {
        if (FileFacts.OfName(path + "-wal") is { Length: > 0 })
        {
            return $"the file is missing, and '{path}-wal', which is a part of it, is still there. Put the file back; or {CheckFirst}, move that part to another folder, and restore a backup or go on with an empty ledger";
        }

        string folder = Path.GetDirectoryName(path)!;
        return FindAside(folder, DamagedMark) is string damaged ? DescribeDamage(damaged)
            : FindAside(folder, KeptMark) is string kept ? DescribeKept(kept)
            : null;
    }

    private string? FindAside(string folder, string mark) => !Directory.Exists(folder) ? null
        : Directory.EnumerateFiles(folder).Where(file => Path.GetFileName(file) is string name && name.StartsWith(Path.GetFileName(path) + mark, StringComparison.Ordinal) && name.EndsWith('Z'))
            .Order(StringComparer.Ordinal).LastOrDefault();

    private static string DescribeDamage(string aside)
        => $"the file is damaged and was kept as '{aside}'. Restore a backup; or, to start an empty ledger, {CheckFirst}, then move the damaged file to another folder";

    private string DescribeKept(string kept)
        => $"it was removed or moved while a shell had it open, and what it held is kept in '{kept}'. Move that file to '{path}'; or, to start an empty ledger, {CheckFirst}, then move that file to another folder";
}
