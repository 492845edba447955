using System.Globalization;

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
        if (Directory.Exists(path))
        {
            throw CreateUnusableException("it is a folder. Give the path of a file");
        }

        if (File.Exists(path))
        {
            return;
        }

        string folder = Path.GetDirectoryName(path)!;
        try
        {
            if (!Directory.Exists(folder))
            {
                CreateFolder(folder);
            }
            else if (FindAside(folder) is string aside)
            {
                throw CreateUnusableException(DescribeDamage(aside));
            }

            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            new FileStream(path, options).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CreateUnusableException($"it cannot be created ({e.Message.TrimEnd('.')})", e);
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

    private static void CreateFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
