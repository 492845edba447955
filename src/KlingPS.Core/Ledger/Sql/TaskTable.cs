using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>Finds, inserts, updates and deletes the records of tasks. <see cref="TaskColumns"/> decides what is in a record.</summary>
internal static class TaskTable
{
    /// <summary>The states of attempts that are or may be paid for and have not ended.</summary>
    private const string OpenStates = "'Submitting', 'Unknown', 'Waiting', 'Queuing', 'Generating'";

    /// <summary>The states of attempts that have or may have bought something.</summary>
    public const string PurchaseStates = $"({OpenStates}, 'Succeeded')";

    /// <summary>The condition that an attempt has bought a video that the service has forgotten (<see cref="KlingVideoTask.IsForgotten"/>).</summary>
    public const string IsForgotten = "(t.state = 'Abandoned' AND t.task_id IS NOT NULL)";

    /// <summary>The condition that an attempt has or may have bought a video, be it one that the service has forgotten.</summary>
    public const string IsPurchase = $"(t.state IN {PurchaseStates} OR {IsForgotten})";

    /// <summary>The condition that an attempt has led to something: it has or may have bought a video, has failed, or has bought one that the service has forgotten.</summary>
    public const string IsEarlier = $"(t.state IN ({OpenStates}, 'Succeeded', 'Failed') OR {IsForgotten})";

    /// <summary>Puts the best of several attempts at a video first: finished, then pending, then unknown, then forgotten by the service, then failed; the latest of each kind first.</summary>
    public const string BestFirst = """
        ORDER BY CASE t.state WHEN 'Succeeded' THEN 0 WHEN 'Submitting' THEN 2 WHEN 'Unknown' THEN 2 WHEN 'Abandoned' THEN 3 WHEN 'Failed' THEN 4 ELSE 1 END, t.id DESC
        """;

    /// <summary>The first task that meets a condition.</summary>
    /// <param name="session">The session.</param>
    /// <param name="condition">A condition, and an order if it matters; the record is <c>t</c>.</param>
    /// <param name="parameters">The parameters of the condition.</param>
    public static async Task<KlingVideoTask?> FindAsync(SqlSession session, string condition, params (string Name, object? Value)[] parameters)
        => (await TaskColumns.QueryAsync(session, $"WHERE {condition} LIMIT 1", parameters).ConfigureAwait(false)).FirstOrDefault();

    public static async Task<KlingVideoTask?> FindByTaskIdAsync(SqlSession session, string account, string taskId)
        => (await ListByTaskIdAsync(session, account, taskId).ConfigureAwait(false)).FirstOrDefault();

    /// <summary>
    /// The records of a task of the service: a purchase first, then the best known. There is more than one if keys of the account asked
    /// for it before they were known to belong to one account.
    /// </summary>
    public static Task<List<KlingVideoTask>> ListByTaskIdAsync(SqlSession session, string account, string taskId)
        => TaskColumns.QueryAsync(
            session,
            $"WHERE t.task_id = @taskId AND {AccountTable.IsOwn("t.account")} ORDER BY t.nonce IS NULL, t.completed_at IS NULL, t.id",
            ("taskId", taskId),
            ("account", account));

    /// <summary>
    /// What keeps a video from being bought as it was decided: a purchase of it, be it that of another account if that counts, or a failure that its
    /// buyer does not know of and can ask the service for.
    /// </summary>
    /// <param name="session">The session.</param>
    /// <param name="intent">The purchase.</param>
    /// <param name="own">The local id of the buyer's own attempt, which is no obstacle; <see langword="null"/> before there is one.</param>
    public static async Task<KlingVideoTask?> FindObstacleAsync(SqlSession session, TaskIntent intent, long? own = null)
    {
        IReadOnlyList<string> identities = await Spellings.ListIdentitiesAsync(session, intent.Spec, intent.Identity).ConfigureAwait(false);
        KlingVideoTask? obstacle = await FindByIdentitiesAsync(
            session,
            intent.Account,
            identities,
            $"({IsPurchase} OR (t.state = 'Failed' AND t.task_id IS NOT NULL AND t.id > @lastFailure)) AND t.id <> @own {BestFirst}",
            ("lastFailure", intent.LastFailure ?? long.MaxValue),
            ("own", own ?? 0)).ConfigureAwait(false);
        return obstacle is null && intent.RespectsOtherAccounts
            ? (await ListByIdentitiesAsync(session, intent.Account, AccountTable.IsOfOther("t.account"), identities, $"{IsPurchase} {BestFirst} LIMIT 1").ConfigureAwait(false)).FirstOrDefault()
            : obstacle;
    }

    /// <summary>The same video, bought elsewhere or lost here, as a task that was looked up by its id: no attempt of this ledger is known to have bought it.</summary>
    public static async Task<KlingVideoTask?> FindAdoptedAsync(SqlSession session, TaskIntent intent)
        => await FindByIdentitiesAsync(
            session,
            intent.Account,
            await Spellings.ListIdentitiesAsync(session, intent.Spec, intent.Identity).ConfigureAwait(false),
            $"t.nonce IS NULL AND t.state IN {PurchaseStates} {BestFirst}").ConfigureAwait(false);

    /// <summary>The first task with one of several identities that meets a condition.</summary>
    /// <param name="session">The session.</param>
    /// <param name="account">The account.</param>
    /// <param name="identities">See <see cref="Spellings.ListIdentitiesAsync"/>.</param>
    /// <param name="condition">A condition, and an order; the record is <c>t</c>.</param>
    /// <param name="parameters">The parameters of the condition.</param>
    public static async Task<KlingVideoTask?> FindByIdentitiesAsync(
        SqlSession session, string account, IReadOnlyList<string> identities, string condition, params (string Name, object? Value)[] parameters)
        => (await ListByIdentitiesAsync(session, account, identities, $"{condition} LIMIT 1", parameters).ConfigureAwait(false)).FirstOrDefault();

    /// <summary>All tasks with one of several identities that meet a condition.</summary>
    /// <inheritdoc cref="FindByIdentitiesAsync"/>
    public static Task<List<KlingVideoTask>> ListByIdentitiesAsync(
        SqlSession session, string account, IReadOnlyList<string> identities, string condition, params (string Name, object? Value)[] parameters)
        => ListByIdentitiesAsync(session, account, AccountTable.IsOwn("t.account"), identities, condition, parameters);

    private static Task<List<KlingVideoTask>> ListByIdentitiesAsync(
        SqlSession session, string account, string whose, IReadOnlyList<string> identities, string condition, params (string Name, object? Value)[] parameters)
    {
        (string Name, object? Value)[] values = [.. identities.Select((identity, index) => (string.Create(CultureInfo.InvariantCulture, $"identity{index}"), (object?)identity))];
        string names = string.Join(", ", values.Select(value => "@" + value.Name));
        return TaskColumns.QueryAsync(session, $"WHERE {whose} AND t.identity IN ({names}) AND {condition}", [("account", account), .. values, .. parameters]);
    }

    /// <summary>The attempt that was made with a nonce, or <see langword="null"/>.</summary>
    public static Task<KlingVideoTask?> FindByNonceAsync(SqlSession session, string nonce) => FindAsync(session, "t.nonce = @nonce", ("nonce", nonce));

    /// <summary>An attempt as it is recorded now, or <see langword="null"/>. A ledger that was put back from a backup may have assigned its number again.</summary>
    public static Task<KlingVideoTask?> FindAttemptAsync(SqlSession session, KlingVideoTask attempt)
        => attempt.Nonce is null ? FindAsync(session, attempt.Id) : FindByNonceAsync(session, attempt.Nonce);

    /// <summary>
    /// A task as it is recorded now, or <see langword="null"/>. A ledger that was put back from a backup may have assigned its number again; and if it
    /// was known by the service's id alone, the record of the attempt that has bought it may have taken its place.
    /// </summary>
    public static async Task<KlingVideoTask?> FindCurrentAsync(SqlSession session, KlingVideoTask seen)
    {
        if (await FindAsync(session, seen.Id).ConfigureAwait(false) is { } task && task.Nonce == seen.Nonce && (seen.TaskId is null || task.TaskId == seen.TaskId))
        {
            return task;
        }

        return (seen.Nonce is null ? null : await FindByNonceAsync(session, seen.Nonce).ConfigureAwait(false))
            ?? (seen.TaskId is null ? null : await FindByTaskIdAsync(session, seen.Account, seen.TaskId).ConfigureAwait(false));
    }

    /// <summary>The task with a local id, or <see langword="null"/>.</summary>
    public static Task<KlingVideoTask?> FindAsync(SqlSession session, long id) => FindAsync(session, "t.id = @id", ("id", id));

    /// <summary>The task with a local id.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.TaskNotFound"/>.</exception>
    public static async Task<KlingVideoTask> GetAsync(SqlSession session, long id)
        => await FindAsync(session, id).ConfigureAwait(false) ?? throw CreateNotFound(id);

    /// <summary>The error for a local id that no task has.</summary>
    public static KlingException CreateNotFound(long id) => new(ErrorKind.TaskNotFound, string.Create(CultureInfo.InvariantCulture, $"The ledger has no task {id}."));

    /// <summary>Adds the record of a task.</summary>
    /// <param name="session">The session.</param>
    /// <param name="task">The task; it gets its local id here.</param>
    /// <param name="owner">Who is about to submit it; see <see cref="IAttemptOwners.Current"/>.</param>
    /// <param name="answerBy">The time by which the owner will have recorded the outcome.</param>
    /// <param name="runId">The run that it is part of and whose limits it counts against.</param>
    public static async Task<KlingVideoTask> InsertAsync(SqlSession session, KlingVideoTask task, string? owner = null, DateTimeOffset? answerBy = null, string? runId = null)
    {
        long id = await session.NextAsync("task").ConfigureAwait(false);
        (string Column, object? Value)[] values =
        [
            ("id", id),
            ("owner", owner),
            ("answer_by", Stored.FromMoment(answerBy)),
            ("run_id", runId),
            .. TaskColumns.Fixed(task),
            .. await AskedAsync(session, task).ConfigureAwait(false),
            .. TaskColumns.Changing(task),
        ];
        string columns = string.Join(", ", values.Select(value => value.Column));
        string parameters = string.Join(", ", values.Select(value => "@" + value.Column));
        await session.ExecuteAsync($"INSERT INTO tasks ({columns}) VALUES ({parameters})", values).ConfigureAwait(false);
        return await GetAsync(session, id).ConfigureAwait(false);
    }

    /// <summary>Writes what has changed in a task. Its owner is recorded for as long as the response to the request is not.</summary>
    /// <returns>The task as it is recorded.</returns>
    public static async Task<KlingVideoTask> UpdateAsync(SqlSession session, KlingVideoTask task)
    {
        (string Column, object? Value)[] values = TaskColumns.Changing(task);
        await session.ExecuteAsync(
            $"UPDATE tasks SET {Assign(values)}, owner = CASE WHEN @state IN ('Submitting', 'Unknown') THEN owner END WHERE id = @id",
            [("id", task.Id), .. values]).ConfigureAwait(false);
        return await GetAsync(session, task.Id).ConfigureAwait(false);
    }

    /// <summary>Records what was asked for, if that was not known so far.</summary>
    public static async Task DescribeAsync(SqlSession session, KlingVideoTask task)
    {
        (string Column, object? Value)[] values = await AskedAsync(session, task).ConfigureAwait(false);
        await session.ExecuteAsync($"UPDATE tasks SET {Assign(values)} WHERE id = @id", [("id", task.Id), .. values]).ConfigureAwait(false);
    }

    private static string Assign((string Column, object? Value)[] values) => string.Join(", ", values.Select(value => $"{value.Column} = @{value.Column}"));

    private static async Task<(string Column, object? Value)[]> AskedAsync(SqlSession session, KlingVideoTask task) =>
    [
        ("prompt_id", await TextTable.GetIdAsync(session, task.Prompt).ConfigureAwait(false)),
        ("negative_prompt_id", await TextTable.GetIdAsync(session, task.NegativePrompt).ConfigureAwait(false)),
        .. TaskColumns.Asked(task),
    ];

    /// <summary>Records what makes two purchases of a video the same, for a task that does not have it.</summary>
    public static Task SetIdentityAsync(SqlSession session, long id, string? identity)
        => session.ExecuteAsync("UPDATE tasks SET identity = @identity WHERE id = @id AND identity IS NULL", ("id", id), ("identity", identity));

    /// <summary>Records when the response to a request that is about to leave will have come.</summary>
    public static Task ExpectAnswerAsync(SqlSession session, long id, DateTimeOffset answerBy)
        => session.ExecuteAsync("UPDATE tasks SET answer_by = @answerBy WHERE id = @id", ("id", id), ("answerBy", Stored.FromMoment(answerBy)));

    /// <summary>Deletes a record, and its texts unless another task has them as well.</summary>
    public static async Task DeleteAsync(SqlSession session, KlingVideoTask task)
    {
        await session.ExecuteAsync("DELETE FROM tasks WHERE id = @id", ("id", task.Id)).ConfigureAwait(false);
        await SavedFiles.DeleteAsync(session, task.Id).ConfigureAwait(false);
        await TextTable.ReleaseAsync(session, task.Prompt).ConfigureAwait(false);
        await TextTable.ReleaseAsync(session, task.NegativePrompt).ConfigureAwait(false);
    }
}
