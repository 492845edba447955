using System.Globalization;
using KlingPS.Core.Files;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>The ledger's file on disk: how it is created, and what becomes of a damaged one.</summary>
/// <remarks>
/// A damaged file is set aside under another name. As long as it is beside the ledger's path and no ledger is there, no new one is
/// created: an empty ledger would buy everything a second time, and an unattended run would not even notice.
/// </remarks>
internal sealed class LedgerFile(string path, TimeProvider time)
{
    private const string AsideMark = ".corrupt-";

    /// <summary>Creates the file if there is none. It contains prompts and paths, so only its user can read it.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the path is a folder or cannot be written, or a damaged ledger is set aside there.</exception>
    public void Create()
    {
        if (Exists())
        {
            return;
        }

        string folder = Path.GetDirectoryName(path)!;
        try
        {
            if (!Directory.Exists(folder))
            {
                OwnFile.CreateFolder(folder, FileReaders.Owner);
            }
            else if (FindAside(folder) is string aside)
            {
                throw CreateUnusableException(DescribeDamage(aside));
            }

            OwnFile.Create(path, FileReaders.Owner, share: FileShare.ReadWrite | FileShare.Delete).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another process may have created it at the same moment.
            if (!Exists())
            {
                throw CreateUnusableException($"it cannot be created ({e.Message.TrimEnd('.')})", e);
            }
        }
    }

    /// <summary>Whether the file is there. Refuses what would hold up whoever opens it, or would be another file than its name says.</summary>
    private bool Exists()
    {
        try
        {
            if (FileFacts.OfName(path) is not FileFacts named)
            {
                return false;
            }

            FileFacts file = FileFacts.Of(path) ?? throw CreateUnusableException(
                $"it is a link to '{new FileInfo(path).LinkTarget}', where nothing is. Bring the file back, or give the path of another one");
            if (file.Kind != FileKind.Ordinary)
            {
                throw CreateUnusableException($"it is {file.Description}. Give the path of a file");
            }

            // SQLite keeps its newest part beside the name by which it was opened.
            if (file.Names > 1)
            {
                throw CreateUnusableException(
                    $"the file has {file.Names} names (hard links), and what is recorded under one of them would be missing under the others. Delete the other names, or copy the file");
            }

            foreach (string suffix in (string[])["-wal", "-shm", "-journal"])
            {
                OwnFile.Require((named.Kind == FileKind.Link ? Place.Of(path).Path : path) + suffix);
            }

            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CreateUnusableException($"it cannot be opened safely ({exception.Message.TrimEnd('.')})", exception);
        }
    }

    /// <summary>Sets a damaged file aside.</summary>
    /// <returns>What to tell the user; <see langword="null"/> if the file could not be moved.</returns>
    public KlingException? SetAside(Exception cause)
    {
        string aside = string.Create(CultureInfo.InvariantCulture, $"{path}{AsideMark}{time.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}");
        try
        {
            // The files that SQLite keeps beside it are a part of it.
            foreach (string suffix in (string[])["", "-wal", "-shm"])
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

        return CreateUnusableException(DescribeDamage(aside), cause);
    }

    /// <summary>The error that says why the ledger cannot be used.</summary>
    public KlingException CreateUnusableException(string reason, Exception? cause = null)
        => new(ErrorKind.LedgerUnusable, $"The ledger '{path}' cannot be used: {reason}. Without the ledger nothing is bought.", cause);

    private string? FindAside(string folder)
        => Directory.EnumerateFiles(folder, Path.GetFileName(path) + AsideMark + "*Z").Order(StringComparer.Ordinal).LastOrDefault();

    private static string DescribeDamage(string aside)
        => $"the file is damaged and was kept as '{aside}'. Restore a backup; or, to start an empty ledger, check https://kie.ai/logs for what has been bought, then move the damaged file to another folder";
}
