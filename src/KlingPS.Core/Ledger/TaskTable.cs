using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>Reads and writes the records of tasks.</summary>
internal static class TaskTable
{
    /// <summary>A select of whole tasks, to be followed by a condition; the record is <c>t</c>.</summary>
    public const string Select = """
        SELECT t.id, t.account, t.task_id, t.state, t.nonce, t.identity, t.replaces, t.model, p.text, n.text, t.duration, t.cfg_scale,
            t.source_path, t.source_hash, t.image_uri, t.tail_path, t.tail_uri, t.callback_uri, t.result_uri,
            t.created_at, t.accepted_at, t.completed_at, t.reserved, t.consumed, t.fail_code, t.fail_message, t.saved_path, t.saved_hash, t.take
        FROM tasks t LEFT JOIN texts p ON p.id = t.prompt_id LEFT JOIN texts n ON n.id = t.negative_prompt_id

        """;

    private const decimal CreditScale = 1000;
    private const decimal CfgScale = 100;

    public static long ToMilliseconds(DateTimeOffset moment) => moment.ToUnixTimeMilliseconds();

    private static long ToThousandths(decimal credits) => (long)decimal.Round(credits * CreditScale);

    public static decimal FromThousandths(long thousandths) => thousandths / CreditScale;

    public static KlingVideoTask Read(DbDataReader row)
    {
        var state = Enum.Parse<KlingTaskState>(row.GetString(3));
        DateTimeOffset? completedAt = Moment(row, 21);
        return new KlingVideoTask
        {
            Id = row.GetInt64(0),
            Account = row.GetString(1),
            TaskId = Text(row, 2),
            State = state,
            Nonce = Text(row, 4),
            Identity = Text(row, 5),
            Replaces = Number(row, 6),
            Model = row.GetString(7),
            Prompt = Text(row, 8),
            NegativePrompt = Text(row, 9),
            Duration = row.GetInt32(10),
            CfgScale = Number(row, 11) / CfgScale,
            SourcePath = Text(row, 12),
            SourceHash = Text(row, 13),
            ImageUri = Text(row, 14),
            TailImagePath = Text(row, 15),
            TailImageUri = Text(row, 16),
            CallbackUri = Text(row, 17),
            ResultUri = Text(row, 18),
            CreatedAt = Moment(row, 19)!.Value,
            AcceptedAt = Moment(row, 20),
            CompletedAt = completedAt,
            ExpiresAt = state == KlingTaskState.Succeeded ? completedAt + TaskTransitions.LinkLifetime : null,
            CreditsReserved = Number(row, 22)!.Value / CreditScale,
            CreditsConsumed = Number(row, 23) / CreditScale,
            FailCode = Text(row, 24),
            FailMessage = Text(row, 25),
            SavedPath = Text(row, 26),
            SavedHash = Text(row, 27),
            Take = row.GetInt32(28),
        };
    }

    /// <summary>The first task that meets a condition.</summary>
    public static async Task<KlingVideoTask?> FindAsync(SqlSession session, string condition, params (string Name, object? Value)[] parameters)
        => (await session.QueryAsync(Select + condition + " LIMIT 1", Read, parameters).ConfigureAwait(false)).FirstOrDefault();

    /// <exception cref="KlingException"><see cref="ErrorKind.TaskNotFound"/>.</exception>
    public static async Task<KlingVideoTask> GetAsync(SqlSession session, long id)
        => await FindAsync(session, "WHERE t.id = @id", ("id", id)).ConfigureAwait(false)
            ?? throw new KlingException(ErrorKind.TaskNotFound, string.Create(CultureInfo.InvariantCulture, $"The ledger has no task {id}."));

    /// <summary>Adds the record of a task.</summary>
    /// <param name="session">The session.</param>
    /// <param name="task">The task; its number is given here.</param>
    /// <param name="owner">Who is about to submit it.</param>
    /// <param name="runId">The run that it counts for.</param>
    public static async Task<KlingVideoTask> InsertAsync(SqlSession session, KlingVideoTask task, ProcessIdentity? owner = null, string? runId = null)
    {
        long id = await LedgerSchema.NextAsync(session, "task").ConfigureAwait(false);
        (string Column, object? Value)[] values =
        [
            ("id", id),
            ("account", task.Account),
            ("owner", owner?.ToString()),
            ("nonce", task.Nonce),
            ("identity", task.Identity),
            ("replaces", task.Replaces),
            ("run_id", runId),
            ("model", task.Model),
            ("prompt_id", await TextIdAsync(session, task.Prompt).ConfigureAwait(false)),
            ("negative_prompt_id", await TextIdAsync(session, task.NegativePrompt).ConfigureAwait(false)),
            ("duration", task.Duration),
            ("cfg_scale", task.CfgScale is decimal scale ? (long)decimal.Round(scale * CfgScale) : null),
            ("source_path", task.SourcePath),
            ("source_hash", task.SourceHash),
            ("image_uri", task.ImageUri),
            ("tail_path", task.TailImagePath),
            ("tail_uri", task.TailImageUri),
            ("callback_uri", task.CallbackUri),
            ("take", task.Take),
            ("created_at", ToMilliseconds(task.CreatedAt)),
            .. Changeable(task),
        ];
        string columns = string.Join(", ", values.Select(value => value.Column));
        string names = string.Join(", ", values.Select(value => "@" + value.Column));
        await session.ExecuteAsync($"INSERT INTO tasks ({columns}) VALUES ({names})", values).ConfigureAwait(false);
        return await GetAsync(session, id).ConfigureAwait(false);
    }

    /// <summary>Writes what has changed of a task.</summary>
    /// <returns>The task as it is recorded.</returns>
    public static async Task<KlingVideoTask> UpdateAsync(SqlSession session, KlingVideoTask task)
    {
        (string Column, object? Value)[] values = Changeable(task);
        string assignments = string.Join(", ", values.Select(value => $"{value.Column} = @{value.Column}"));
        await session.ExecuteAsync(
            $"UPDATE tasks SET {assignments}, owner = CASE WHEN @state IN ('Submitting', 'Unknown') THEN owner END WHERE id = @id",
            [("id", task.Id), .. values]).ConfigureAwait(false);
        return await GetAsync(session, task.Id).ConfigureAwait(false);
    }

    /// <summary>Removes a record, and its texts if no other task has them.</summary>
    public static async Task DeleteAsync(SqlSession session, KlingVideoTask task)
    {
        await session.ExecuteAsync("DELETE FROM tasks WHERE id = @id", ("id", task.Id)).ConfigureAwait(false);
        foreach (string? text in (string?[])[task.Prompt, task.NegativePrompt])
        {
            await session.ExecuteAsync(
                """
                DELETE FROM texts WHERE hash = @hash
                    AND NOT EXISTS (SELECT 1 FROM tasks WHERE prompt_id = texts.id)
                    AND NOT EXISTS (SELECT 1 FROM tasks WHERE negative_prompt_id = texts.id)
                """,
                ("hash", text is null ? null : HashOf(text))).ConfigureAwait(false);
        }
    }

    /// <summary>The columns that a transition changes.</summary>
    private static (string Column, object? Value)[] Changeable(KlingVideoTask task) =>
    [
        ("task_id", task.TaskId),
        ("state", task.State.ToString()),
        ("accepted_at", task.AcceptedAt is { } start ? ToMilliseconds(start) : null),
        ("completed_at", task.CompletedAt is { } end ? ToMilliseconds(end) : null),
        ("reserved", ToThousandths(task.CreditsReserved)),
        ("consumed", task.CreditsConsumed is decimal consumed ? ToThousandths(consumed) : null),
        ("result_uri", task.ResultUri),
        ("fail_code", task.FailCode),
        ("fail_message", task.FailMessage),
        ("saved_path", task.SavedPath),
        ("saved_hash", task.SavedHash),
    ];

    private static async Task<long?> TextIdAsync(SqlSession session, string? text)
    {
        if (text is null)
        {
            return null;
        }

        string hash = HashOf(text);
        if (await session.NumberAsync("SELECT id FROM texts WHERE hash = @hash", ("hash", hash)).ConfigureAwait(false) is long known)
        {
            return known;
        }

        long id = await LedgerSchema.NextAsync(session, "text").ConfigureAwait(false);
        await session.ExecuteAsync(
            "INSERT INTO texts (id, hash, text) VALUES (@id, @hash, @text)",
            ("id", id),
            ("hash", hash),
            ("text", text)).ConfigureAwait(false);
        return id;
    }

    /// <summary>Half of a SHA-256 is enough to tell texts apart.</summary>
    private static string HashOf(string text)
        => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)), 0, 16);

    private static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static DateTimeOffset? Moment(DbDataReader row, int column)
        => Number(row, column) is long milliseconds ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : null;

    private static long? Number(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt64(column);
}
