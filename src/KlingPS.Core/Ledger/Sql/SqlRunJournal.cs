using System.Globalization;

namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="IRunJournal"/>
internal sealed class SqlRunJournal(SqlStore store) : IRunJournal
{
    /// <inheritdoc/>
    public async Task BeginAsync(RunRecord run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        await store.WriteLightlyAsync(
            session => session.ExecuteAsync(
                "INSERT INTO runs (id, account, command, started_at) VALUES (@id, @account, @command, @startedAt) ON CONFLICT (id) DO NOTHING",
                ("id", run.Id),
                ("account", run.Account),
                ("command", run.Command),
                ("startedAt", Stored.FromMoment(run.StartedAt))),
            WriteScope.Cache,
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task EndAsync(string id, RunResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        await store.WriteLightlyAsync(
            async session => await session.ExecuteAsync(
                """
                UPDATE runs SET ended_at = @endedAt, outcome = @outcome, exit_code = @exitCode, made = @made, downloaded = @downloaded, present = @present,
                    taken = @taken, pending = @pending, over_limit = @overLimit, failed = @failed, lost = @lost, refused = @refused
                WHERE id = @id
                """,
                ("id", id),
                ("endedAt", Stored.FromMoment(await session.GetNowAsync().ConfigureAwait(false))),
                ("outcome", result.Outcome),
                ("exitCode", result.ExitCode),
                ("made", result.Made),
                ("downloaded", result.Downloaded),
                ("present", result.Present),
                ("taken", result.Taken),
                ("pending", result.Pending),
                ("overLimit", result.OverLimit),
                ("failed", result.Failed),
                ("lost", result.Unknown),
                ("refused", result.Refused)).ConfigureAwait(false),
            WriteScope.Cache,
            CancellationToken.None).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<RunRecord?> FindLastAsync(RunFilter filter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        (string ended, string order) = filter.HasEnded || filter.ExitCodes is not null ? ("ended_at IS NOT NULL", "ended_at") : ("TRUE", "started_at");
        string codes = filter.ExitCodes is { } wanted
            ? wanted.Count == 0 ? "FALSE" : $"exit_code IN ({string.Join(", ", wanted.Select(code => code.ToString(CultureInfo.InvariantCulture)))})"
            : "TRUE";
        string own = filter.Account is null ? "TRUE" : AccountTable.IsOwn("account");
        (string, object?)[] parameters = filter.Account is null ? [] : [("account", filter.Account)];
        List<RunRecord> runs = await store.ReadAsync(
            session => session.QueryAsync(
                $"""
                SELECT id, account, command, started_at, ended_at, outcome, exit_code, made, downloaded, present, taken, pending, over_limit, failed, lost, refused
                FROM runs WHERE {ended} AND {codes} AND {own} ORDER BY {order} DESC, id DESC LIMIT 1
                """,
                Read,
                parameters),
            cancellationToken).ConfigureAwait(false);
        return runs.FirstOrDefault();
    }

    private static RunRecord Read(SqlRow row)
    {
        int Count(string column) => (int)(row.NumberOrNull(column) ?? 0);
        return new(row.Text("id"), row.Text("account"), row.Text("command"), row.Moment("started_at"))
        {
            EndedAt = row.MomentOrNull("ended_at"),
            Result = row.TextOrNull("outcome") is not string outcome ? null : new RunResult
            {
                Outcome = outcome,
                ExitCode = Count("exit_code"),
                Made = Count("made"),
                Downloaded = Count("downloaded"),
                Present = Count("present"),
                Taken = Count("taken"),
                Pending = Count("pending"),
                OverLimit = Count("over_limit"),
                Failed = Count("failed"),
                Unknown = Count("lost"),
                Refused = Count("refused"),
            },
        };
    }
}
