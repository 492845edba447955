using KlingPS.Core.Api;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>The keys of accounts. What is recorded with any of them belongs to all keys of the account.</summary>
internal static class AccountTable
{
    private static readonly string[] s_states = Enum.GetNames<KlingTaskState>();

    /// <summary>The condition that a record belongs to the account <c>@account</c>, whichever of its keys made it.</summary>
    /// <param name="column">The column that holds the account of the record.</param>
    public static string IsOwn(string column)
        => $"({column} = @account OR {column} IN (SELECT b.fingerprint FROM account_keys a JOIN account_keys b ON b.account = a.account WHERE a.fingerprint = @account))";

    /// <summary>The condition that a record belongs to another account that has used a service which <c>@account</c> has used as well, whichever of their keys was used.</summary>
    /// <param name="column">The column that holds the account of the record.</param>
    public static string IsOfOther(string column)
        => $"""
            {column} IN (
                SELECT d.fingerprint FROM account_keys a JOIN account_keys b ON b.account = a.account
                    JOIN account_keys c ON c.service = b.service AND c.account <> a.account JOIN account_keys d ON d.account = c.account
                WHERE a.fingerprint = @account)
            """;

    /// <summary>
    /// The condition that a record belongs or may belong to the account <c>@account</c>: it may as long as it is not known whether two keys of a
    /// service, or of two addresses that may lead to one service, belong to one account.
    /// </summary>
    /// <param name="column">The column that holds the account of the record.</param>
    public static string MayBeOwn(string column)
        => $"""
            ({column} = @account OR {column} IN (
                SELECT b.fingerprint FROM account_keys a JOIN account_keys b
                    ON b.account = a.account OR (b.service = a.service AND (a.is_settled = 0 OR b.is_settled = 0))
                        OR (b.service <> a.service AND {MayBeElsewhere("a.service")} AND {MayBeElsewhere("b.service")}
                            AND (a.is_settled_elsewhere = 0 OR b.is_settled_elsewhere = 0))
                WHERE a.fingerprint = @account))
            """;

    /// <summary>The condition that a service may have other addresses, too. One on this machine has none.</summary>
    /// <param name="service">The column that holds the service.</param>
    public static string MayBeElsewhere(string service) => $"{service} NOT LIKE '{ServiceAddress.HerePrefix}%'";

    public static Task<List<AccountKey>> ListAsync(SqlSession session)
        => session.QueryAsync(
            "SELECT fingerprint, account, service, number, sample, is_settled, is_settled_elsewhere FROM account_keys ORDER BY recorded_at, fingerprint",
            row => new AccountKey(row.Text("fingerprint"), row.Text("account"))
            {
                Service = row.TextOrNull("service"),
                Number = row.TextOrNull("number"),
                Sample = row.TextOrNull("sample"),
                IsSettled = row.Number("is_settled") != 0,
                IsSettledElsewhere = row.NumberOrNull("is_settled_elsewhere") is long settled ? settled != 0 : null,
            });

    /// <summary>The keys of an account, or of all accounts, that tasks were recorded with; and whether these are all of them.</summary>
    /// <param name="session">The session.</param>
    /// <param name="account">The account; <see langword="null"/> for every account.</param>
    public static async Task<(IReadOnlyList<string> Keys, bool AreAll)> ListRecordedAsync(SqlSession session, string? account)
    {
        // Goes from one key of a state to the next, skipping all other tasks of the first.
        static string After(string key, string from) => $"(SELECT MIN(t.account) FROM tasks t WHERE t.state = {from}.state AND t.account > {key})";
        List<string> all = await session.QueryAsync(
            $"""
            WITH RECURSIVE recorded (state, account) AS (
                SELECT s.state, {After("''", "s")} FROM ({string.Join(" UNION ALL ", s_states.Select(state => $"SELECT '{state}' AS state"))}) s
                UNION ALL
                SELECT r.state, {After("r.account", "r")} FROM recorded r WHERE r.account IS NOT NULL)
            SELECT DISTINCT account FROM recorded WHERE account IS NOT NULL ORDER BY account
            """,
            row => row.Text("account")).ConfigureAwait(false);
        if (account is null)
        {
            return (all, true);
        }

        List<string> keys = await session.QueryAsync(
            "SELECT b.fingerprint FROM account_keys a JOIN account_keys b ON b.account = a.account WHERE a.fingerprint = @account",
            row => row.Text("fingerprint"),
            ("account", account)).ConfigureAwait(false);
        List<string> own = [.. all.Where(key => key == account || keys.Contains(key))];
        return (own, own.Count == all.Count);
    }

    public static async Task<bool> RecordAsync(SqlSession session, AccountKey key)
    {
        // Another process may have found out in the meantime that the account is part of another one.
        string account = await FindAccountAsync(session, key.Account).ConfigureAwait(false) ?? key.Account;
        if (await FindAccountAsync(session, key.Fingerprint).ConfigureAwait(false) is string before && before != account)
        {
            await session.ExecuteAsync("UPDATE account_keys SET account = @account WHERE account = @before", ("account", account), ("before", before)).ConfigureAwait(false);
        }

        await session.ExecuteAsync(
            """
            INSERT INTO account_keys (fingerprint, account, service, number, is_settled, is_settled_elsewhere, recorded_at)
                VALUES (@key, @account, @service, @number, @settled, @elsewhere, @now)
            ON CONFLICT (fingerprint) DO UPDATE SET account = excluded.account, service = COALESCE(excluded.service, account_keys.service),
                number = COALESCE(excluded.number, account_keys.number), is_settled = excluded.is_settled, is_settled_elsewhere = excluded.is_settled_elsewhere
            """,
            ("key", key.Fingerprint),
            ("account", account),
            ("service", key.Service),
            ("number", key.Number),
            ("settled", key.IsSettled ? 1 : 0),
            ("elsewhere", key.IsSettledElsewhere is bool elsewhere ? elsewhere ? 1L : 0L : null),
            ("now", Stored.FromMoment(await session.GetNowAsync().ConfigureAwait(false)))).ConfigureAwait(false);
        return true;
    }

    /// <summary>Uploads are kept for a day in a table of their own; only the tasks know the addresses of older ones.</summary>
    public static Task<string?> FindUploadAsync(SqlSession session, string account)
        => session.TextAsync(
            $"SELECT image_uri FROM tasks WHERE source_hash IS NOT NULL AND image_uri IS NOT NULL AND {IsOwn("account")} ORDER BY id DESC LIMIT 1",
            ("account", account));

    /// <summary>Once the service has forgotten a task, it denies it for every key.</summary>
    public static Task<List<KnownTask>> ListTasksAsync(SqlSession session, string account, int limit)
        => session.QueryAsync(
            $"""
            SELECT t.task_id, t.created_at, t.state, p.text AS prompt FROM tasks t LEFT JOIN texts p ON p.id = t.prompt_id
            WHERE t.task_id IS NOT NULL AND t.state <> 'Abandoned' AND {IsOwn("t.account")} ORDER BY t.created_at DESC LIMIT @limit
            """,
            row => new KnownTask(row.Text("task_id"), row.Moment("created_at"), row.Text("state") != nameof(KlingTaskState.Waiting), row.TextOrNull("prompt")),
            ("account", account),
            ("limit", limit));

    private static Task<string?> FindAccountAsync(SqlSession session, string key)
        => session.TextAsync("SELECT account FROM account_keys WHERE fingerprint = @key", ("key", key));
}
