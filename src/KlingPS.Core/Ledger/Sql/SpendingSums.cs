namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// What was spent and set aside, added up as it is recorded: by quarters of an hour, and by runs. A limit is checked twice for every
/// purchase, and would otherwise read all that was bought that day.
/// </summary>
/// <remarks>
/// <para>
/// The database itself keeps the sums, whatever changes a task and whichever version of the module does so: a triggered statement belongs to
/// the one that caused it. Each sum belongs to one key, since keys may later turn out to belong to one account. Every time zone begins its days
/// at a quarter of an hour of UTC, so the ledger need not know whose day it is.
/// </para>
/// <para>
/// Values of earlier versions that are not a price are counted instead of added up (<c>wrong</c>): how much they count depends on the video.
/// </para>
/// <para>
/// The sums may exceed what the records add up to: what was spent stays spent when its record is removed (<see cref="KeepAsync"/>).
/// </para>
/// </remarks>
internal static class SpendingSums
{
    /// <summary>The length of the spans that sums are kept for, in milliseconds.</summary>
    public const long Slot = 900_000;

    /// <summary>A counter that exists while the sums are not kept.</summary>
    private const string Paused = "sums_paused";

    /// <summary>The statements that make the tables, fill them, and keep them right. Part of a released migration: never changed.</summary>
    public static IReadOnlyList<string> Creation { get; } =
    [
        """
        CREATE TABLE spent_by_time (
            slot BIGINT NOT NULL, account TEXT NOT NULL, credits BIGINT NOT NULL, wrong BIGINT NOT NULL,
            PRIMARY KEY (slot, account))
        """,
        """
        CREATE TABLE spent_by_run (
            run_id TEXT NOT NULL, account TEXT NOT NULL, credits BIGINT NOT NULL, wrong BIGINT NOT NULL, bought BIGINT NOT NULL,
            PRIMARY KEY (run_id, account))
        """,
        .. Filling,
        $"""
        CREATE TRIGGER tasks_begun AFTER INSERT ON tasks FOR EACH ROW
        BEGIN
            {Change("NEW", "+")}
        END
        """,
        $"""
        CREATE TRIGGER tasks_changed AFTER UPDATE ON tasks FOR EACH ROW
        WHEN (OLD.reserved <> NEW.reserved OR COALESCE(OLD.consumed, 0) <> COALESCE(NEW.consumed, 0) OR OLD.state <> NEW.state
            OR OLD.account <> NEW.account OR OLD.created_at <> NEW.created_at OR COALESCE(OLD.run_id, '') <> COALESCE(NEW.run_id, ''))
        BEGIN
            {Change("OLD", "-")}
            {Change("NEW", "+")}
        END
        """,
        $"""
        CREATE TRIGGER tasks_removed AFTER DELETE ON tasks FOR EACH ROW
        BEGIN
            {Change("OLD", "-")}
        END
        """,
    ];

    /// <summary>The statements that add up all existing records if there are no sums yet.</summary>
    public static IEnumerable<string> Filling =>
    [
        $"""
        INSERT INTO spent_by_time (slot, account, credits, wrong)
            SELECT t.created_at / {Slot}, t.account, SUM({Credits("t")}), SUM({Wrong("t")}) FROM tasks t GROUP BY 1, 2
        """,
        $"""
        INSERT INTO spent_by_run (run_id, account, credits, wrong, bought)
            SELECT t.run_id, t.account, SUM({Credits("t")}), SUM({Wrong("t")}), SUM({Bought("t")}) FROM tasks t WHERE t.run_id IS NOT NULL GROUP BY 1, 2
        """,
    ];

    /// <summary>Does work that writes a great many tasks along with their sums, because a server keeps every version of a sum until the end of a transaction.</summary>
    /// <param name="session">A transaction that has the whole ledger to itself.</param>
    /// <param name="work">The work.</param>
    public static async Task PauseAsync(SqlSession session, Func<Task> work)
    {
        await session.ExecuteAsync("INSERT INTO counters (name, value) VALUES (@name, 1)", ("name", Paused)).ConfigureAwait(false);
        await work().ConfigureAwait(false);
        await session.ExecuteAsync("DELETE FROM counters WHERE name = @name", ("name", Paused)).ConfigureAwait(false);
    }

    /// <summary>Keeps counting the cost of a task whose record is about to be removed: otherwise removing a purchase would make room for another.</summary>
    /// <param name="session">The transaction that removes it.</param>
    /// <param name="id">The local id of the task.</param>
    public static async Task KeepAsync(SqlSession session, long id)
    {
        await session.ExecuteAsync(
            $"""
            INSERT INTO spent_by_time (slot, account, credits, wrong)
                SELECT t.created_at / {Slot}, t.account, {Credits("t")}, 0 FROM tasks t WHERE t.id = @id
                ON CONFLICT (slot, account) DO UPDATE SET credits = spent_by_time.credits + excluded.credits
            """,
            ("id", id)).ConfigureAwait(false);
        await session.ExecuteAsync(
            $"""
            INSERT INTO spent_by_run (run_id, account, credits, wrong, bought)
                SELECT t.run_id, t.account, {Credits("t")}, 0, {Bought("t")} FROM tasks t WHERE t.id = @id AND t.run_id IS NOT NULL
                ON CONFLICT (run_id, account) DO UPDATE SET credits = spent_by_run.credits + excluded.credits, bought = spent_by_run.bought + excluded.bought
            """,
            ("id", id)).ConfigureAwait(false);
    }

    /// <summary>The condition that a record is counted as <c>wrong</c> and adds nothing to the credits.</summary>
    /// <param name="row">The record.</param>
    public static string IsWrong(string row) => $"NOT ({IsPrice(row)})";

    private static string Change(string row, string sign) => $"""
        INSERT INTO spent_by_time (slot, account, credits, wrong)
                SELECT {row}.created_at / {Slot}, {row}.account, {sign}{Credits(row)}, {sign}{Wrong(row)}
                WHERE NOT EXISTS (SELECT 1 FROM counters WHERE name = '{Paused}')
                ON CONFLICT (slot, account) DO UPDATE SET credits = spent_by_time.credits + excluded.credits, wrong = spent_by_time.wrong + excluded.wrong;
            INSERT INTO spent_by_run (run_id, account, credits, wrong, bought)
                SELECT {row}.run_id, {row}.account, {sign}{Credits(row)}, {sign}{Wrong(row)}, {sign}{Bought(row)}
                WHERE {row}.run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counters WHERE name = '{Paused}')
                ON CONFLICT (run_id, account) DO UPDATE SET credits = spent_by_run.credits + excluded.credits, wrong = spent_by_run.wrong + excluded.wrong,
                    bought = spent_by_run.bought + excluded.bought;
        """;

    // In thousandths, as VideoPrice.Max was when these tables were made.
    private static string IsPrice(string row) => $"{row}.reserved BETWEEN 0 AND 100000000 AND COALESCE({row}.consumed, 0) BETWEEN 0 AND 100000000";

    private static string Credits(string row) => $"(CASE WHEN {IsPrice(row)} THEN {row}.reserved + COALESCE({row}.consumed, 0) ELSE 0 END)";

    private static string Wrong(string row) => $"(CASE WHEN {IsPrice(row)} THEN 0 ELSE 1 END)";

    private static string Bought(string row)
        => $"(CASE WHEN {row}.state IN ('Submitting', 'Unknown', 'Waiting', 'Queuing', 'Generating', 'Succeeded') THEN 1 ELSE 0 END)";
}
