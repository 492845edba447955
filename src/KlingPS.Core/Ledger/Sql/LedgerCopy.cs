using System.Data.Common;
using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// Copies a ledger to another database, record by record, in one transaction there: completely or not at all. The source is locked
/// meanwhile, so that nothing is bought that the copy would not know.
/// </summary>
/// <param name="source">What is copied.</param>
/// <param name="destination">Where it is copied to. What was only learned there is replaced.</param>
/// <param name="progress">Called with how many records have been copied and compared, and how many there will be, on any thread.</param>
internal sealed class LedgerCopy(SqlStore source, SqlStore destination, Action<long, long>? progress)
{
    private const int PageSize = 1000;

    /// <summary>How many records go into one statement: a server may be far away.</summary>
    private const int RowsPerInsert = 50;

    private const string NothingCopied = "Nothing was copied.";

    /// <summary>The counter of a copy that holds the last task it was made with.</summary>
    private const string LastCopied = "last_copied";

    private long _done;
    private long _total;

    /// <summary>Copies the ledger.</summary>
    /// <param name="cancellationToken">Stops before the end; nothing is copied then.</param>
    /// <returns>How many records were copied, by their tables.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: requests are under way, or something was bought with the destination.
    /// <see cref="ErrorKind.LedgerUnusable"/>: one of them cannot be read or written.
    /// </exception>
    public async Task<IReadOnlyDictionary<string, long>> RunAsync(CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<string, long>? copied = null;
        return await source.HoldAsync(
            async from =>
            {
                // If only the end of the source's own transaction failed, the copy has been made.
                await RequireAtRestAsync(from).ConfigureAwait(false);
                if (copied is null)
                {
                    await destination.BeginCopyAsync(source.Location, RequireUnusedAsync, cancellationToken).ConfigureAwait(false);
                }

                return copied ??= await destination.WriteAsync(to => CopyAsync(from, to, cancellationToken), WriteScope.All, cancellationToken).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a ledger is a copy that nothing has been recorded in yet: someone who is about to buy with it may still be using the other one.</summary>
    public static async Task<bool> IsUnusedCopyAsync(SqlSession session)
        => await session.NumberAsync(
            "SELECT 1 FROM counters c WHERE c.name = @name AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id > c.value)",
            ("name", LastCopied)).ConfigureAwait(false) is not null;

    private async Task RequireAtRestAsync(SqlSession from)
    {
        List<KlingVideoTask> open = await TaskColumns.QueryAsync(from, "WHERE t.state = 'Submitting' ORDER BY t.id").ConfigureAwait(false);
        if (open is [var first, ..])
        {
            string which = string.Create(CultureInfo.InvariantCulture, $"that of task {first.Id} ('{first.Subject}')");
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"{NothingCopied} A request is under way with '{source.Location}', {which}{(open.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $" and {open.Count - 1} more") : string.Empty)}, and its outcome would be missing in the copy. "
                + "Wait until the commands that use this ledger have ended, on every machine, and run this one again.");
        }
    }

    /// <summary>Reads the source within the destination's transaction, whose ledger is not to blame for errors of the source.</summary>
    private async Task<T> OfSourceAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read().ConfigureAwait(false);
        }
        catch (DbException exception)
        {
            throw source.Translate(exception);
        }
    }

    private async Task RequireUnusedAsync(SqlSession to)
    {
        foreach (CopiedTable table in LedgerTables.Copied.Where(table => table.IsOfPurchases))
        {
            long there = await CountAsync(to, table.Name).ConfigureAwait(false);
            if (there > 0)
            {
                throw new KlingException(
                    ErrorKind.RequestInvalid,
                    string.Create(CultureInfo.InvariantCulture, $"{NothingCopied} '{destination.Location}' is in use already: it has {there} {(there == 1 ? "record" : "records")} in its table {table.Name}. Give a ledger that nothing was bought with."));
            }
        }
    }

    private async Task<IReadOnlyDictionary<string, long>> CopyAsync(SqlSession from, SqlSession to, CancellationToken cancellationToken)
    {
        // Anyone who had it open before it was marked may have bought something.
        await RequireUnusedAsync(to).ConfigureAwait(false);
        _done = 0;
        _total = 0;
        foreach (CopiedTable table in LedgerTables.Copied)
        {
            _total += 2 * await OfSourceAsync(() => CountAsync(from, table.Name)).ConfigureAwait(false);
            await to.ExecuteAsync($"DELETE FROM {table.Name}").ConfigureAwait(false);
        }

        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        await SpendingSums.PauseAsync(
            to,
            async () =>
            {
                foreach (CopiedTable table in LedgerTables.Copied)
                {
                    counts[table.Name] = await CopyTableAsync(from, to, table, cancellationToken).ConfigureAwait(false);
                }
            }).ConfigureAwait(false);

        foreach (CopiedTable table in LedgerTables.Copied)
        {
            await CompareAsync(from, to, table, cancellationToken).ConfigureAwait(false);
        }

        await SavedFiles.MoveAllAsync(to, from.Machine).ConfigureAwait(false);
        await SavedNames.NameAllAsync(to).ConfigureAwait(false);
        foreach (string counter in Schema.Counters)
        {
            await to.SetCounterAsync(counter, await OfSourceAsync(() => from.GetCounterAsync(counter)).ConfigureAwait(false)).ConfigureAwait(false);
        }

        if (await OfSourceAsync(() => LedgerIdentity.FindAsync(from)).ConfigureAwait(false) is string id)
        {
            await LedgerIdentity.SetAsync(to, id).ConfigureAwait(false);
        }

        await to.ExecuteAsync(
            "INSERT INTO counters (name, value) SELECT @name, COALESCE(MAX(id), 0) FROM tasks WHERE 1 = 1 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            ("name", LastCopied)).ConfigureAwait(false);
        await destination.EndCopyAsync(to).ConfigureAwait(false);
        return counts;
    }

    private async Task<long> CopyTableAsync(SqlSession from, SqlSession to, CopiedTable table, CancellationToken cancellationToken)
    {
        long count = 0;
        for (Record? last = null; ;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            List<Record> page = await OfSourceAsync(() => ReadAsync(from, table, last)).ConfigureAwait(false);
            foreach (Record[] rows in page.Chunk(RowsPerInsert))
            {
                await InsertAsync(to, table, rows).ConfigureAwait(false);
            }

            Report(page.Count);
            count += page.Count;
            if (page.Count < PageSize)
            {
                return count;
            }

            last = page[^1];
        }
    }

    /// <summary>Reads both again, record by record.</summary>
    private async Task CompareAsync(SqlSession from, SqlSession to, CopiedTable table, CancellationToken cancellationToken)
    {
        for (Record? last = null; ;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            List<Record> wanted = await OfSourceAsync(() => ReadAsync(from, table, last)).ConfigureAwait(false);
            List<Record> copied = await ReadAsync(to, table, last).ConfigureAwait(false);
            for (int i = 0; i < Math.Max(wanted.Count, copied.Count); i++)
            {
                if (i >= wanted.Count || i >= copied.Count || !IsSame(to, wanted[i], copied[i]))
                {
                    Record other = i < wanted.Count ? wanted[i] : copied[i];
                    throw new KlingException(
                        ErrorKind.LedgerUnusable,
                        $"{NothingCopied} '{destination.Location}' does not give back what was written to it: the record {other.Describe(table)} is not as it is in '{source.Location}'.");
                }
            }

            Report(wanted.Count);
            if (wanted.Count < PageSize)
            {
                return;
            }

            last = wanted[^1];
        }
    }

    private void Report(int records)
    {
        _done += records;
        progress?.Invoke(_done, _total);
    }

    private static bool IsSame(SqlSession to, Record wanted, Record copied)
        => wanted.Columns.AsSpan().SequenceEqual(copied.Columns) && wanted.Values.Select(to.ToStored).SequenceEqual(copied.Values);

    private static async Task<long> CountAsync(SqlSession session, string table)
        => await session.NumberAsync($"SELECT COUNT(*) FROM {table}").ConfigureAwait(false) ?? 0;

    /// <summary>The next records by their keys, which both databases have in the same order.</summary>
    private static async Task<List<Record>> ReadAsync(SqlSession session, CopiedTable table, Record? after)
    {
        string keys = string.Join(", ", table.Keys);
        (string, object?)[] values = after is null ? [] : [.. table.Keys.Select(key => (key, after[key]))];
        string where = after is null ? string.Empty
            : table.Keys.Length == 1 ? $"WHERE {keys} > @{keys} "
            : $"WHERE ({keys}) > ({string.Join(", ", table.Keys.Select(key => "@" + key))}) ";
        return await session.QueryAsync(
            $"SELECT * FROM {table.Name} {where}ORDER BY {keys} LIMIT @limit",
            row => new Record(row.Columns, row.Values),
            [.. values, ("limit", (long)PageSize)]).ConfigureAwait(false);
    }

    private static Task<int> InsertAsync(SqlSession to, CopiedTable table, Record[] rows)
    {
        string[] columns = rows[0].Columns;
        string Name(int row, int column) => string.Create(CultureInfo.InvariantCulture, $"v{row}_{column}");
        string values = string.Join(", ", rows.Select((_, row) => $"({string.Join(", ", columns.Select((_, column) => "@" + Name(row, column)))})"));
        return to.ExecuteAsync(
            $"INSERT INTO {table.Name} ({string.Join(", ", columns)}) VALUES {values}",
            [.. rows.SelectMany((record, row) => record.Values.Select((value, column) => (Name(row, column), value)))]);
    }

    /// <param name="Columns">The names of its columns.</param>
    /// <param name="Values">Its values: numbers, texts and nulls.</param>
    private sealed record Record(string[] Columns, object?[] Values)
    {
        public object? this[string column] => Values[Array.IndexOf(Columns, column)];

        public string Describe(CopiedTable table)
            => $"{string.Join(", ", table.Keys.Select(key => string.Create(CultureInfo.InvariantCulture, $"{key} {this[key]}")))} of the table {table.Name}";
    }
}
