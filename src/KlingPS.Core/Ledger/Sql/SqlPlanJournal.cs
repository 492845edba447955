namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="IPlanJournal"/>
internal sealed class SqlPlanJournal(SqlStore store) : IPlanJournal
{
    /// <inheritdoc/>
    public Task AddAsync(PlanRecord plan, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return store.WriteAsync(
            session => session.ExecuteAsync(
                "INSERT INTO plans (id, account, digest, created_at, ends_at) VALUES (@id, @account, @digest, @createdAt, @endsAt)",
                ("id", plan.Id),
                ("account", plan.Account),
                ("digest", plan.Digest),
                ("createdAt", Stored.FromMoment(plan.CreatedAt)),
                ("endsAt", Stored.FromMoment(plan.EndsAt))),
            WriteScope.Account(plan.Account),
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<PlanStanding> FindAsync(string id, string account, CancellationToken cancellationToken)
        => store.ReadAsync(session => FindAsync(session, id, account), cancellationToken);

    /// <inheritdoc/>
    public Task<PlanStanding> UseAsync(string id, string digest, RunRecord run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        return store.WriteAsync(UseAsync, WriteScope.Account(run.Account), cancellationToken);

        async Task<PlanStanding> UseAsync(SqlSession session)
        {
            PlanStanding standing = await FindAsync(session, id, run.Account).ConfigureAwait(false);
            if (standing.FindProblem(digest) is null)
            {
                await session.ExecuteAsync("UPDATE plans SET run_id = @run WHERE id = @id", ("id", id), ("run", run.Id)).ConfigureAwait(false);
                await session.ExecuteAsync(
                    "INSERT INTO runs (id, account, command, started_at, plan_id) VALUES (@id, @account, @command, @startedAt, @plan)",
                    ("id", run.Id),
                    ("account", run.Account),
                    ("command", run.Command),
                    ("startedAt", Stored.FromMoment(run.StartedAt)),
                    ("plan", id)).ConfigureAwait(false);
            }

            return standing;
        }
    }

    /// <inheritdoc/>
    public Task CloseAsync(string id) => store.WriteAsync(
        async session => await session.ExecuteAsync(
            "UPDATE plans SET closed_at = @now WHERE id = @id AND closed_at IS NULL",
            ("id", id),
            ("now", Stored.FromMoment(await session.GetNowAsync().ConfigureAwait(false)))).ConfigureAwait(false),
        WriteScope.Cache,
        CancellationToken.None);

    /// <inheritdoc/>
    public Task<bool> HasBoughtAsync(string id, long task, CancellationToken cancellationToken) => store.ReadAsync(
        async session => await session.NumberAsync(
            "SELECT COUNT(*) FROM tasks t JOIN runs r ON r.id = t.run_id WHERE t.id = @task AND r.plan_id = @id",
            ("task", task),
            ("id", id)).ConfigureAwait(false) > 0,
        cancellationToken);

    private static async Task<PlanStanding> FindAsync(SqlSession session, string id, string account)
    {
        List<(PlanRecord Plan, bool IsOwn)> plans = await session.QueryAsync(
            $"""
            SELECT id, account, digest, created_at, ends_at, run_id, closed_at, CASE WHEN {AccountTable.IsOwn("account")} THEN 1 ELSE 0 END AS is_own
            FROM plans WHERE id = @id
            """,
            row => (
                new PlanRecord(row.Text("id"), row.Text("account"), row.Text("digest"), row.Moment("created_at"), row.Moment("ends_at"))
                {
                    RunId = row.TextOrNull("run_id"),
                    ClosedAt = row.MomentOrNull("closed_at"),
                },
                row.Number("is_own") != 0),
            ("id", id),
            ("account", account)).ConfigureAwait(false);
        DateTimeOffset now = await session.GetNowAsync().ConfigureAwait(false);
        return plans is not [var found] ? new PlanStanding(null, IsOwn: false, now) : new PlanStanding(found.Plan, found.IsOwn, now)
        {
            Removed = found.Plan.RunId is null ? 0 : await CountRemovedAsync(session, id).ConfigureAwait(false),
        };
    }

    /// <summary>Counts what the runs of a plan have bought but is no longer recorded: the sums of runs keep it (<see cref="SpendingSums.KeepAsync"/>).</summary>
    private static async Task<long> CountRemovedAsync(SqlSession session, string id) => await session.NumberAsync(
        $"""
        SELECT CAST(COALESCE(SUM(s.bought), 0) AS BIGINT)
            - (SELECT COUNT(*) FROM runs r CROSS JOIN tasks t WHERE r.plan_id = @id AND t.run_id = r.id AND t.state IN {TaskTable.PurchaseStates})
        FROM spent_by_run s WHERE s.run_id IN (SELECT id FROM runs WHERE plan_id = @id)
        """,
        ("id", id)).ConfigureAwait(false) ?? 0;
}
