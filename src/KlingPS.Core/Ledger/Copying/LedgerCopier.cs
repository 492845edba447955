using KlingPS.Core.Files;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Copying;

/// <summary>Copies a ledger to a place that has none yet, or an unused one: from a file to a server, back, or to another file.</summary>
/// <param name="open">Opens a ledger; it is closed here.</param>
internal sealed class LedgerCopier(Func<LedgerAddress, SqlLedger> open)
{
    /// <summary>The suffix of a file beside the one that is being copied to. It is held open while the copy is being made.</summary>
    private const string Held = ".copy";

    /// <summary>The suffixes of the files in which SQLite keeps what is not yet, or should no longer be, in the file itself.</summary>
    private static readonly string[] s_parts = ["-wal", "-journal"];

    /// <summary>Copies a ledger.</summary>
    /// <param name="source">What is copied. It stays as it is.</param>
    /// <param name="destination">Where it is copied to.</param>
    /// <param name="progress">Called with how many records have been copied and compared, and how many there will be, on any thread.</param>
    /// <param name="cancellationToken">Stops before the end; nothing is copied then.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: both are the same, requests are under way, or something was bought with the destination.
    /// <see cref="ErrorKind.LedgerUnusable"/>: there is no ledger to copy, or one of them cannot be read or written.
    /// </exception>
    public async Task<KlingLedgerCopy> CopyAsync(LedgerAddress source, LedgerAddress destination, Action<long, long>? progress, CancellationToken cancellationToken)
    {
        if (source == destination || (source is FileAddress one && destination is FileAddress other && Place.IsSame(one.Path, other.Path)))
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"Nothing was copied. '{source.Shown}' is both what is to be copied and where to.");
        }

        SqlLedger from = open(source);
        await using (from.ConfigureAwait(false))
        {
            if (!await from.ExistsAsync(cancellationToken).ConfigureAwait(false))
            {
                throw new KlingException(ErrorKind.LedgerUnusable, $"Nothing was copied. There is no ledger at '{source.Shown}'.");
            }

            IReadOnlyDictionary<string, long> counts = destination is FileAddress { Path: var path } && !await ExistsAsync(destination, cancellationToken).ConfigureAwait(false)
                ? await CopyToNewFileAsync(from, path, progress, cancellationToken).ConfigureAwait(false)
                : await CopyToAsync(from, destination, progress, cancellationToken).ConfigureAwait(false);
            return new KlingLedgerCopy
            {
                Path = source.Shown,
                Destination = destination.Shown,
                Tasks = counts["tasks"],
                Uploads = counts["uploads"],
                Runs = counts["runs"],
                Keys = counts["account_keys"],
                Hashes = counts["machine_hashes"],
            };
        }
    }

    private async Task<bool> ExistsAsync(LedgerAddress address, CancellationToken cancellationToken)
    {
        SqlLedger ledger = open(address);
        await using (ledger.ConfigureAwait(false))
        {
            return await ledger.ExistsAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<IReadOnlyDictionary<string, long>> CopyToAsync(SqlLedger from, LedgerAddress destination, Action<long, long>? progress, CancellationToken cancellationToken)
    {
        SqlLedger to = open(destination);
        await using (to.ConfigureAwait(false))
        {
            return await from.CopyToAsync(to, progress, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Until the copy is complete, there is nothing at the path: anyone who used an empty ledger would buy everything again.</summary>
    private async Task<IReadOnlyDictionary<string, long>> CopyToNewFileAsync(SqlLedger from, string path, Action<long, long>? progress, CancellationToken cancellationToken)
    {
        string folder = Path.GetDirectoryName(path)!;
        RemoveLeftovers(folder);
        string begun = TemporaryFile.NameIn(folder);
        FileStream? held = null;
        try
        {
            OwnFile.CreateFolder(folder, FileReaders.Owner);
            held = OwnFile.TryOpenExclusive(begun + Held, FileReaders.Owner);
            IReadOnlyDictionary<string, long> counts = await CopyToAsync(from, new FileAddress(begun), progress, cancellationToken).ConfigureAwait(false);
            RequireAllInFile(begun, path);
            OwnFile.MoveNew(begun, path);
            return counts;
        }
        catch (KlingException exception) when (exception.Message.Contains(begun, StringComparison.Ordinal))
        {
            throw exception.WithMessage(exception.Message.Replace(begun, path, StringComparison.Ordinal));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.LedgerUnusable, $"Nothing was copied: '{path}' cannot be written ({exception.Message.TrimEnd('.')}).", exception);
        }
        finally
        {
            held?.Dispose();
            Remove(begun);
        }
    }

    /// <summary>
    /// Refuses a file that lacks records: what was committed is in the -wal until it is written to the file itself, which fails without an error
    /// when the disk has become full meanwhile. Only the file gets the name, and the rest is deleted.
    /// </summary>
    private static void RequireAllInFile(string begun, string path)
    {
        if (s_parts.Any(part => FileFacts.OfName(begun + part) is { Length: > 0 }))
        {
            throw new KlingException(
                ErrorKind.LedgerUnusable,
                $"Nothing was copied: '{path}' could not be completed. Usually, this means that the disk is full: free some space, then run the command again.");
        }
    }

    /// <summary>Removes what killed copies have left in a folder. A copy that is being made holds its mark.</summary>
    private static void RemoveLeftovers(string folder)
    {
        try
        {
            foreach (string mark in Directory.EnumerateFiles(folder, $"{TemporaryFile.Prefix}*{Held}"))
            {
                using FileStream? own = OwnFile.TryOpenExclusive(mark, readers: null);
                if (own is not null)
                {
                    Remove(mark[..^Held.Length]);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // They do no harm.
        }
    }

    private static void Remove(string begun)
    {
        // The mark last: as long as it is there, the next copy removes the rest.
        foreach (string suffix in (string[])["", .. s_parts, "-shm", Held])
        {
            OwnFile.TryDelete(begun + suffix);
        }
    }
}
