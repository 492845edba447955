using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// The tables of the ledger. A migration is never changed once it has been released. It only adds, because processes of the previous
/// version may have the ledger open.
/// </summary>
/// <remarks>
/// Moments are milliseconds since 1970 in UTC, credits are thousandths, states are the names of <see cref="KlingTaskState"/>.
/// Keys are counted in <c>counters</c>: a number is never assigned twice, even after its record has been removed.
/// </remarks>
internal static class Schema
{
    /// <summary>The statements that lead from each version to the next, beginning with an empty ledger.</summary>
    private static readonly string[][] s_migrations =
    [
        [
            "CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",

            // Prompts are long and shared by many tasks.
            "CREATE TABLE texts (id BIGINT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, text TEXT NOT NULL)",

            // The owner is recorded as long as the response to the request is not known.
            """
            CREATE TABLE tasks (
                id INTEGER PRIMARY KEY, account TEXT NOT NULL, task_id TEXT, state TEXT NOT NULL,
                owner TEXT, nonce TEXT, identity TEXT, replaces INTEGER, run_id TEXT,
                model TEXT NOT NULL, prompt_id BIGINT, negative_prompt_id BIGINT, duration INTEGER NOT NULL, cfg_scale INTEGER,
                source_path TEXT, source_hash TEXT, image_uri TEXT, tail_path TEXT, tail_uri TEXT, callback_uri TEXT,
                created_at BIGINT NOT NULL, accepted_at BIGINT, completed_at BIGINT,
                reserved BIGINT NOT NULL, consumed BIGINT, fail_code TEXT, fail_message TEXT,
                result_uri TEXT, saved_path TEXT, saved_hash TEXT)
            """,
            "CREATE UNIQUE INDEX tasks_by_task_id ON tasks (task_id, account) WHERE task_id IS NOT NULL",
            "CREATE UNIQUE INDEX tasks_by_nonce ON tasks (nonce) WHERE nonce IS NOT NULL",
            "CREATE INDEX tasks_by_state ON tasks (state, completed_at)",
            "CREATE INDEX tasks_by_creation ON tasks (created_at)",
            "CREATE INDEX tasks_by_identity ON tasks (identity) WHERE identity IS NOT NULL",
            "CREATE INDEX tasks_by_path ON tasks (source_path) WHERE source_path IS NOT NULL",
            "CREATE INDEX tasks_by_hash ON tasks (source_hash) WHERE source_hash IS NOT NULL",
            "CREATE INDEX tasks_by_run ON tasks (run_id) WHERE run_id IS NOT NULL",
            "CREATE INDEX tasks_by_prompt ON tasks (prompt_id) WHERE prompt_id IS NOT NULL",
            "CREATE INDEX tasks_by_negative_prompt ON tasks (negative_prompt_id) WHERE negative_prompt_id IS NOT NULL",
            "CREATE INDEX tasks_submitting ON tasks (owner) WHERE owner IS NOT NULL",
            "CREATE INDEX tasks_unsaved ON tasks (state) WHERE saved_path IS NULL",

            """
            CREATE TABLE uploads (
                account TEXT NOT NULL, hash TEXT NOT NULL, uri TEXT NOT NULL, uploaded_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
                PRIMARY KEY (account, hash))
            """,
            "CREATE INDEX uploads_by_expiry ON uploads (expires_at)",

            """
            CREATE TABLE file_hashes (
                path TEXT PRIMARY KEY, length BIGINT NOT NULL, modified_at BIGINT NOT NULL, hash TEXT NOT NULL, recorded_at BIGINT NOT NULL)
            """,
            "CREATE INDEX file_hashes_by_age ON file_hashes (recorded_at)",

            // See SqlRateGate.
            """
            CREATE TABLE rate_leases (
                id BIGINT PRIMARY KEY, gate TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL,
                ticks BIGINT NOT NULL, boot TEXT NOT NULL, at BIGINT NOT NULL)
            """,
            "CREATE INDEX rate_leases_by_gate ON rate_leases (gate, state)",
        ],
        [
            "ALTER TABLE tasks ADD COLUMN take INTEGER NOT NULL DEFAULT 1",
        ],
        [
            // See MoreParameters.
            "ALTER TABLE tasks ADD COLUMN parameters TEXT",
        ],
        [
            // The time by which the owner of a request has recorded its outcome, if it is alive.
            "ALTER TABLE tasks ADD COLUMN answer_by BIGINT",

            // The file that is about to get the name of a video: it is saved once it has it.
            "ALTER TABLE tasks ADD COLUMN saving_path TEXT",
            "ALTER TABLE tasks ADD COLUMN saving_hash TEXT",
            "CREATE INDEX tasks_saving ON tasks (saving_path) WHERE saving_path IS NOT NULL",

            // A key is an alias of its account. Until now each key counted as an account: which of them belong together is found out when
            // they are used again.
            """
            CREATE TABLE account_keys (
                fingerprint TEXT PRIMARY KEY, account TEXT NOT NULL, service TEXT, number TEXT, sample TEXT,
                is_settled INTEGER NOT NULL, recorded_at BIGINT NOT NULL)
            """,
            "CREATE INDEX account_keys_by_account ON account_keys (account)",
            """
            INSERT INTO account_keys (fingerprint, account, sample, is_settled, recorded_at)
                SELECT account, account, COALESCE(MAX(result_uri), MAX(image_uri)), 0, MIN(created_at) FROM tasks GROUP BY account
            """,

            // A video is looked up by the files that it was made from, to see whether they have changed.
            "CREATE INDEX tasks_by_tail ON tasks (tail_path) WHERE tail_path IS NOT NULL",

            // When the user said that a video was taken elsewhere.
            "ALTER TABLE tasks ADD COLUMN taken_at BIGINT",

            // See Spellings.
            "CREATE INDEX tasks_by_image_uri ON tasks (image_uri) WHERE source_hash IS NULL",

            // Not null while nothing of the request is on its way, see TaskTransitions.HeldBack.
            "ALTER TABLE tasks ADD COLUMN held_back_at BIGINT",

            // See FileStamp.
            "ALTER TABLE file_hashes ADD COLUMN stamp TEXT",
        ],
        [
            // See SavedFiles.
            """
            CREATE TABLE saved_files (
                task BIGINT NOT NULL, machine TEXT NOT NULL, saved_path TEXT, saved_hash TEXT, saving_path TEXT, saving_hash TEXT,
                PRIMARY KEY (task, machine))
            """,

            // Paths belong to machines. The old table stays for shells of earlier versions that have the ledger open.
            """
            CREATE TABLE machine_hashes (
                machine TEXT NOT NULL, path TEXT NOT NULL, length BIGINT NOT NULL, modified_at BIGINT NOT NULL, stamp TEXT NOT NULL,
                hash TEXT NOT NULL, recorded_at BIGINT NOT NULL,
                PRIMARY KEY (machine, path))
            """,
            "CREATE INDEX machine_hashes_by_age ON machine_hashes (recorded_at)",
            "CREATE INDEX machine_hashes_by_hash ON machine_hashes (hash)",
            """
            INSERT INTO machine_hashes (machine, path, length, modified_at, stamp, hash, recorded_at)
                SELECT '', path, length, modified_at, COALESCE(stamp, ''), hash, recorded_at FROM file_hashes
            """,
            "DELETE FROM file_hashes",

            // See HeartbeatOwners.
            "CREATE TABLE owners (owner TEXT PRIMARY KEY, beat_at BIGINT NOT NULL)",

            // See IRunJournal. Purchases made in a run name it in tasks.run_id.
            """
            CREATE TABLE runs (
                id TEXT PRIMARY KEY, account TEXT NOT NULL, command TEXT NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT,
                outcome TEXT, exit_code INTEGER, made INTEGER, downloaded INTEGER, present INTEGER, taken INTEGER,
                pending INTEGER, over_limit INTEGER, failed INTEGER, lost INTEGER, refused INTEGER)
            """,
            "CREATE INDEX runs_by_start ON runs (started_at)",
        ],
        [
            // The content of a plan is in its file; this identifies that file.
            """
            CREATE TABLE plans (
                id TEXT PRIMARY KEY, account TEXT NOT NULL, digest TEXT NOT NULL, created_at BIGINT NOT NULL, ends_at BIGINT NOT NULL,
                run_id TEXT, closed_at BIGINT)
            """,
            "ALTER TABLE runs ADD COLUMN plan_id TEXT",
        ],
        [
            .. SpendingSums.Creation,

            // See TaskPages. The account does not come first: SQLite would look up all tasks of an account, even if few are wanted.
            "CREATE INDEX tasks_in_order ON tasks (state, account, id)",
        ],
        [.. SavedNames.Creation],
        [.. LedgerIdentity.Creation],
        [
            // Until now, every address was a service of its own. NULL: the key has not been compared with those that are used at other addresses.
            "ALTER TABLE account_keys ADD COLUMN is_settled_elsewhere INTEGER",
        ],
        [
            // See Successors. An attempt without an owner has been settled before, or accepted.
            "ALTER TABLE tasks ADD COLUMN reopened_from BIGINT",
            "UPDATE tasks SET reopened_from = id WHERE state = 'Unknown' AND owner IS NULL",
        ],
        [
            // See KlingVideoTask.Reversals.
            "ALTER TABLE tasks ADD COLUMN reversals INTEGER NOT NULL DEFAULT 0",
            "UPDATE tasks SET reversals = 1 WHERE state = 'Failed'",
        ],
    ];

    private const string VersionTable = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)";

    /// <summary>The counters; see <see cref="DatabaseConnection.NextAsync"/>.</summary>
    public static IReadOnlyList<string> Counters { get; } = ["task", "text", "lease"];

    /// <summary>All statements that make or change a table.</summary>
    public static IEnumerable<string> Statements => s_migrations.SelectMany(statements => statements).Append(VersionTable);

    /// <summary>The version that this module writes.</summary>
    public static int Version => s_migrations.Length;

    /// <summary>Brings the tables to <see cref="Version"/>.</summary>
    /// <returns><see langword="null"/>, or why they cannot be used; in that case nothing was touched.</returns>
    public static Task<string?> MigrateAsync(SqlSession session) => MigrateAsync(session, Version);

    /// <summary>Brings the tables to a version, as the module that wrote that version did.</summary>
    internal static async Task<string?> MigrateAsync(SqlSession session, int target)
    {
        // Tables that are up to date are not touched, so that no right to change them is needed.
        long version = await FindVersionAsync(session).ConfigureAwait(false) ?? 0;
        if (version > Version)
        {
            return string.Create(CultureInfo.InvariantCulture, $"it was written by a newer version of KlingPS (its format is {version}, this version knows {Version}). Update KlingPS");
        }

        if (version < target)
        {
            await session.ExecuteAsync(VersionTable).ConfigureAwait(false);
        }

        foreach (string statement in s_migrations.Take(target).Skip((int)version).SelectMany(statements => statements))
        {
            await session.ExecuteAsync(statement).ConfigureAwait(false);
        }

        if (version < SavedNames.Since && target >= SavedNames.Since)
        {
            await SavedNames.NameAllAsync(session).ConfigureAwait(false);
        }

        if (version < LedgerIdentity.Since && target >= LedgerIdentity.Since)
        {
            await LedgerIdentity.GiveAsync(session).ConfigureAwait(false);
        }

        if (version < target)
        {
            await session.ExecuteAsync("DELETE FROM schema_version").ConfigureAwait(false);
            await session.ExecuteAsync("INSERT INTO schema_version (version) VALUES (@version)", ("version", target)).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>The version of a ledger.</summary>
    /// <returns><see langword="null"/> if there is none.</returns>
    public static async Task<long?> FindVersionAsync(SqlSession session)
        => await session.HasTableAsync("schema_version").ConfigureAwait(false) ? await session.NumberAsync("SELECT MAX(version) FROM schema_version").ConfigureAwait(false) : null;
}
