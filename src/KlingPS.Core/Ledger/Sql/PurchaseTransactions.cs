using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>What lets a request for a video leave, or keeps it from leaving, inside one transaction: an earlier purchase, a limit, a lost attempt, a slot.</summary>
/// <param name="owners">Who makes attempts.</param>
/// <param name="time">The clock of this process, for its time zone.</param>
internal sealed class PurchaseTransactions(IAttemptOwners owners, TimeProvider time)
{
    /// <summary>For callers that need no slot.</summary>
    private static readonly Func<Task<bool>> s_open = static () => Task.FromResult(true);

    public async Task<TaskClaim> ClaimAsync(SqlSession session, TaskIntent intent)
        => (await ClaimAsync(session, intent, s_open).ConfigureAwait(false))!;

    /// <param name="session">The transaction.</param>
    /// <param name="intent">The purchase.</param>
    /// <param name="tryTake">Takes a slot for the request, if there is one.</param>
    /// <returns><see langword="null"/> if the video has to be bought and there is no slot.</returns>
    public async Task<TaskClaim?> ClaimAsync(SqlSession session, TaskIntent intent, Func<Task<bool>> tryTake)
        => await TaskTable.FindObstacleAsync(session, intent).ConfigureAwait(false) is { } obstacle ? new TaskClaim(obstacle, IsNew: false)
            : await BeginAsync(session, intent, tryTake).ConfigureAwait(false) is { } task ? new TaskClaim(task, IsNew: true)
            : null;

    public async Task<KlingVideoTask> BeginAsync(SqlSession session, TaskIntent intent)
        => (await BeginAsync(session, intent, s_open).ConfigureAwait(false))!;

    /// <inheritdoc cref="ClaimAsync(SqlSession, TaskIntent, Func{Task{bool}})"/>
    public async Task<KlingVideoTask?> BeginAsync(SqlSession session, TaskIntent intent, Func<Task<bool>> tryTake)
    {
        KlingVideoTask? replaced = await FindReplacedAsync(session, intent).ConfigureAwait(false);
        if (intent.Former.Count > 0)
        {
            // It is unknown again since the attempt before this one was rejected, unless it turned out to have been accepted, and has failed.
            replaced = replaced is { TaskState: KlingTaskState.Unknown } ? replaced : null;
            await RequireNotTakenOverAsync(session, intent, replaced).ConfigureAwait(false);
        }
        else if (replaced is null && intent.Replaces is { } removed)
        {
            throw new KlingException(ErrorKind.TaskNotFound, $"The ledger has no record of task {TaskTransactions.Name(removed)} any more, so nothing is bought in its place.");
        }

        // A purchase that is over a limit does not wait for a slot.
        if (replaced is null)
        {
            await RequireWithinBudgetAsync(session, intent).ConfigureAwait(false);
        }

        if (!await tryTake().ConfigureAwait(false))
        {
            return null;
        }

        if (replaced is not null)
        {
            TaskTransactions.RequireUnknown(replaced);
            await RequireNotReplacedAsync(session, replaced).ConfigureAwait(false);
            await RequireNotLookedUpAsync(session, intent, replaced.Id).ConfigureAwait(false);

            // Before the budget is checked: the new attempt takes over what the old one had set aside.
            await TaskTransactions.GiveUpAsync(session, replaced).ConfigureAwait(false);
            await RequireWithinBudgetAsync(session, intent).ConfigureAwait(false);
        }

        await owners.BeatAsync(session).ConfigureAwait(false);
        KlingVideoTask task = TaskTransitions.Begun(intent with { Replaces = replaced ?? intent.Replaces }, await session.GetNowAsync().ConfigureAwait(false));
        return await TaskTable.InsertAsync(session, task, owners.Current, task.CreatedAt + intent.AnswerWithin, intent.RecordedRunId).ConfigureAwait(false);
    }

    public async Task<string?> FindBudgetExcessAsync(SqlSession session, TaskIntent intent)
    {
        if (intent.Budget is not { } limit)
        {
            return null;
        }

        Spending spent = await SpendingQuery.ReadAsync(session, intent.Account, limit, time.LocalTimeZone).ConfigureAwait(false);
        return BudgetRule.FindExcess(limit, spent, intent.Credits);
    }

    public async Task<RecordResult> SendAgainAsync(SqlSession session, KlingVideoTask attempt, TimeSpan answerWithin, TaskIntent? intent)
        => (await SendAgainAsync(session, attempt, answerWithin, intent, s_open).ConfigureAwait(false))!;

    /// <param name="session">The transaction.</param>
    /// <param name="attempt">The attempt as it was recorded.</param>
    /// <param name="answerWithin">The time after which the answer is overdue.</param>
    /// <param name="intent">See <see cref="ITaskJournal.RecordSentAgainAsync"/>.</param>
    /// <param name="tryTake">Takes a slot for the request, if there is one.</param>
    /// <returns><see langword="null"/> if the request has to be sent again and there is no slot.</returns>
    public async Task<RecordResult?> SendAgainAsync(SqlSession session, KlingVideoTask attempt, TimeSpan answerWithin, TaskIntent? intent, Func<Task<bool>> tryTake)
    {
        if (await TaskTable.FindAttemptAsync(session, attempt).ConfigureAwait(false) is not { } task)
        {
            return new RecordResult.Removed();
        }

        if (task.SentAgain() is null)
        {
            return new RecordResult.Superseded(task);
        }

        if (intent is not null && await FindOtherAsync(session, intent, task.Id).ConfigureAwait(false) is { } other)
        {
            return new RecordResult.Forestalled(other);
        }

        if (!await tryTake().ConfigureAwait(false))
        {
            return null;
        }

        await owners.BeatAsync(session).ConfigureAwait(false);
        await TaskTable.ExpectAnswerAsync(session, task.Id, await session.GetNowAsync().ConfigureAwait(false) + answerWithin).ConfigureAwait(false);
        return await TaskTransactions.ChangeAsync(session, task, task => task.SentAgain()).ConfigureAwait(false);
    }

    private async Task RequireWithinBudgetAsync(SqlSession session, TaskIntent intent)
    {
        if (await FindBudgetExcessAsync(session, intent).ConfigureAwait(false) is string excess)
        {
            throw new KlingException(ErrorKind.BudgetExceeded, excess);
        }
    }

    /// <summary>Refuses another attempt at a purchase if the video has been bought meanwhile, or the purchase been given up.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="intent">The purchase.</param>
    /// <param name="lost">The attempt that it replaces, if that is unknown.</param>
    private static async Task RequireNotTakenOverAsync(SqlSession session, TaskIntent intent, KlingVideoTask? lost)
    {
        if (await FindOtherAsync(session, intent, current: null).ConfigureAwait(false) is { } other)
        {
            if (lost is not null && other.Nonce is null)
            {
                await RequireNotLookedUpAsync(session, intent, lost.Id).ConfigureAwait(false);
            }

            bool isEarlier = other.Id == intent.Replaces?.Id || intent.Former.Any(former => former.Id == other.Id);
            throw new KlingException(
                ErrorKind.RequestInvalid,
                !isEarlier ? $"Meanwhile, task {other.Id} {RecordResult.WasOrMayHaveBeen(other)} bought, which is the same video. {DescribeOneMore(lost, other)}"
                    : $"Task {other.Id}, an earlier attempt, turned out to have been bought after all. To get its video: Get-KlingVideoTask -Id {other.Id} | Wait-KlingVideoTask | Save-KlingVideo.")
            {
                TaskNumber = other.Id,
            };
        }

        foreach (KlingVideoTask former in intent.Replaces is null ? intent.Former : [.. intent.Former, intent.Replaces])
        {
            string? end = await TaskTable.FindAttemptAsync(session, former).ConfigureAwait(false) switch
            {
                // Its user may have given it up before.
                null => "settled and its record removed",
                { TaskState: KlingTaskState.Abandoned } => "given up with Resolve-KlingVideoTask",
                _ => null,
            };
            if (end is not null)
            {
                string which = former == intent.Replaces ? $"task {former.Id}, which it was to buy again," : $"its attempt (task {former.Id})";
                throw new KlingException(
                    ErrorKind.RequestInvalid,
                    $"While this process stood still, {which} was {end}. {(lost is not null ? $"If task {lost.Id} was not bought, give it up with -Abandon. " : string.Empty)}If the video is still wanted, New-KlingVideoTask buys it.")
                {
                    TaskNumber = former.Id,
                };
            }
        }
    }

    /// <summary>
    /// What keeps a purchase from being requested again: what a claim would find; or, if the purchase is made although the video may have been
    /// bought before, what has become of the attempts that it makes up for.
    /// </summary>
    /// <param name="session">The transaction.</param>
    /// <param name="intent">The purchase.</param>
    /// <param name="current">The local id of the attempt under way.</param>
    private static async Task<KlingVideoTask?> FindOtherAsync(SqlSession session, TaskIntent intent, long? current)
    {
        if (intent is { Former.Count: 0, Replaces: null })
        {
            return await TaskTable.FindObstacleAsync(session, intent, current).ConfigureAwait(false);
        }

        KlingVideoTask? replaced = await FindReplacedAsync(session, intent).ConfigureAwait(false);
        List<KlingVideoTask?> earlier = [replaced];
        foreach (KlingVideoTask former in intent.Former)
        {
            earlier.Add(await TaskTable.FindAttemptAsync(session, former).ConfigureAwait(false));
        }

        return earlier.Find(task => task is { TaskId: not null, TaskState: not KlingTaskState.Failed })
            ?? await Successors.FindAsync(session, intent, replaced, current).ConfigureAwait(false)
            ?? (intent.Replaces is null ? null : await TaskTable.FindAdoptedAsync(session, intent).ConfigureAwait(false));
    }

    /// <summary>How to get one more video, although another task is the same one.</summary>
    /// <param name="lost">The lost attempt that is in the way; <see langword="null"/> if none is.</param>
    /// <param name="other">The other task.</param>
    private static string DescribeOneMore(KlingVideoTask? lost, KlingVideoTask other)
    {
        // New-KlingVideoTask buys nothing as long as an attempt at the video is unknown.
        string? resolve = other.TaskState == KlingTaskState.Unknown ? $"resolve task {other.Id} with Resolve-KlingVideoTask" : null;
        return (lost, resolve) switch
        {
            (null, null) => "New-KlingVideoTask makes one more.",
            (null, _) => $"To make one more, {resolve}, and run New-KlingVideoTask after that.",
            (_, null) => $"If task {lost.Id} was not bought, give it up with -Abandon. After that, New-KlingVideoTask makes one more.",
            _ => $"If task {lost.Id} was not bought, give it up with -Abandon, and {resolve}. After that, New-KlingVideoTask makes one more.",
        };
    }

    /// <summary>The attempt that a purchase replaces, as it is recorded now.</summary>
    private static async Task<KlingVideoTask?> FindReplacedAsync(SqlSession session, TaskIntent intent)
        => intent.Replaces is null ? null : await TaskTable.FindAttemptAsync(session, intent.Replaces).ConfigureAwait(false);

    /// <summary>Refuses to buy in place of a lost attempt what was bought in its place while it counted as not bought, or by an attempt that it replaces.</summary>
    private static async Task RequireNotReplacedAsync(SqlSession session, KlingVideoTask lost)
    {
        if (await Successors.FindAsync(session, lost).ConfigureAwait(false) is { } other)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"The video of task {lost.Id} {RecordResult.WasOrMayHaveBeen(other)} bought already, as task {TaskTransactions.Name(other)}. {DescribeOneMore(lost, other)}")
            {
                TaskNumber = other.Id,
            };
        }
    }

    /// <summary>Refuses to buy in place of a lost attempt what may be just what it has bought: a task that became known by its id, and of no attempt.</summary>
    private static async Task RequireNotLookedUpAsync(SqlSession session, TaskIntent intent, long replaced)
    {
        if (await TaskTable.FindAdoptedAsync(session, intent).ConfigureAwait(false) is { } found)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"The ledger has task {TaskTransactions.Name(found)}, which is the same video and was not bought by any attempt that the ledger knows, so it may be what became of the request for task {replaced}. "
                + $"If it is: Resolve-KlingVideoTask {replaced} -TaskId {ServiceTaskId.Quote(found.TaskId!)}. If it is another one, give task {replaced} up with -Abandon, and New-KlingVideoTask buys the video.")
            {
                TaskNumber = found.Id,
            };
        }
    }
}
