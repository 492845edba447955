using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>Records what happened while the ledger could not be written. An answer may be recorded any number of times with the same result.</summary>
/// <param name="store">The database.</param>
/// <param name="spool">What is kept on this machine.</param>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore has nothing to release unless its wait handle is used.")]
internal sealed class SpoolReplay(SqlStore store, AnswerSpool spool)
{
    /// <summary>Kept answers that are damaged, recorded, or for another ledger, by their paths.</summary>
    private readonly ConcurrentDictionary<string, byte> _passedOver = new(StringComparer.Ordinal);

    /// <summary>How often kept answers could not be read, by their paths. Each is tried again.</summary>
    private readonly ConcurrentDictionary<string, int> _unread = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _notices = new();
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>What users should know about the last replays; <see langword="null"/> once they have been told.</summary>
    public string? TakeNotice()
    {
        string notice = string.Join(' ', Take());
        return notice.Length == 0 ? null : notice;

        IEnumerable<string> Take()
        {
            while (_notices.TryDequeue(out string? text))
            {
                yield return text;
            }
        }
    }

    /// <summary>See <see cref="ITaskJournal.KeepAsync"/>.</summary>
    public Task<string?> KeepAsync(SpooledAnswer answer) => Task.Run(() => spool.TryKeep(answer with { Ledger = store.Place, LedgerId = store.Id }) ? spool.Folder : null);

    /// <summary>Records everything that is kept.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: it is still kept.</exception>
    public async Task RunAsync()
    {
        // Nothing is listed if nothing is kept, which is nearly always the case.
        if (!spool.HasAny)
        {
            return;
        }

        // Opening the ledger also records it; this waits until that is done.
        await store.OpenAsync(CancellationToken.None).ConfigureAwait(false);

        // If several callers find something at the same time, the first one records it.
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            await RecordAllAsync().ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task RecordAllAsync()
    {
        int recorded = 0;
        int forAnother = 0;
        var left = new SortedDictionary<(string Ledger, bool HasId), int>();
        foreach (SpooledFile file in spool.Read(_passedOver.ContainsKey))
        {
            if (file.Obstacle is not null)
            {
                // One that is just being written or removed can be read, or is gone, the next time.
                if (_unread.AddOrUpdate(file.Path, 1, static (_, times) => times + 1) == 2)
                {
                    _notices.Enqueue(
                        $"'{file.Path}', which holds what came of a request while the ledger could not be reached, cannot be read: {file.Obstacle} It is recorded as soon as it can be. "
                        + "If it was a purchase, its attempt is Unknown until then: do not resolve it, but give this user permission to read the file.");
                }

                continue;
            }

            if (file.Answer is not SpooledAnswer answer)
            {
                if (_passedOver.TryAdd(file.Path, 0))
                {
                    _notices.Enqueue(
                        $"'{file.Path}' should hold what came of a request while the ledger could not be reached, and is damaged. It is left as it is. "
                        + "If it was a purchase, its attempt is Unknown, and is never bought again automatically: resolve it with Resolve-KlingVideoTask, then delete the file.");
                }

                continue;
            }

            bool isForAnother = answer.LedgerId is not null && answer.LedgerId != store.Id;
            if (isForAnother && store.Id is not null && AnswerSpool.IsMarked(file, store.Id))
            {
                _passedOver.TryAdd(file.Path, 0);
            }
            else if (await store.WriteAnswerAsync(session => RecordAsync(session, answer, file.IsOwn), WriteScope.Account(answer.Account)).ConfigureAwait(false) is not { } replay)
            {
                _passedOver.TryAdd(file.Path, 0);
                (string, bool) ledger = (answer.Ledger ?? string.Empty, answer.LedgerId is not null);
                left[ledger] = left.GetValueOrDefault(ledger) + 1;
            }
            else
            {
                if (isForAnother)
                {
                    // That one may come back, and lacks it then.
                    _passedOver.TryAdd(store.Id is null ? file.Path : AnswerSpool.Mark(file, store.Id), 0);
                    forAnother++;
                }
                else
                {
                    AnswerSpool.Remove(file);
                    _passedOver.TryAdd(file.Path, 0);
                    recorded++;
                }

                if (replay.Warning is string warning)
                {
                    _notices.Enqueue(warning);
                }
            }
        }

        if (recorded > 0)
        {
            _notices.Enqueue($"The ledger can be reached again: {(recorded == 1 ? "an answer that was" : $"{recorded} answers that were")} kept on this machine meanwhile {(recorded == 1 ? "is" : "are")} recorded now.");
        }

        if (forAnother > 0)
        {
            _notices.Enqueue(
                $"The ledger '{store.Location}' is not the one that this machine has kept {(forAnother == 1 ? "an answer" : $"{forAnother} answers")} for. {(forAnother == 1 ? "It is" : "They are")} recorded in it all the same, so that nothing is bought twice, "
                + $"and {(forAnother == 1 ? "stays" : "stay")} in '{spool.Root}' in case the other one comes back. What else was bought with that one is not known here: if it was lost, restore a backup of it before you buy anything.");
        }

        foreach (((string ledger, bool hasId), int count) in left)
        {
            _notices.Enqueue(hasId
                ? $"{Kept(count)} for another ledger than '{store.Location}', which was at '{ledger}', {(count == 1 ? "waits" : "wait")} in '{spool.Root}' until a command on this machine uses that ledger. This one does not know what was bought there."
                : $"{Kept(count)} for the ledger at '{ledger}' {(count == 1 ? "waits" : "wait")} in '{spool.Root}' until a command on this machine uses that address. "
                    + $"If that ledger is now at '{store.Place}', write this address into {(count == 1 ? "the file" : "each file")} in place of the other one; otherwise, what was bought is bought again.");
        }

        static string Kept(int count) => count == 1 ? "An answer that this machine has kept" : $"{count} answers that this machine has kept";
    }

    /// <returns><see langword="null"/> if it is not recorded, because it is for another ledger.</returns>
    private async Task<Replay?> RecordAsync(SqlSession session, SpooledAnswer answer, bool isOwn)
    {
        KlingVideoTask? task = answer.Nonce is null ? null : await TaskTable.FindByNonceAsync(session, answer.Nonce).ConfigureAwait(false);
        task ??= answer.TaskId is null ? null : await TaskTable.FindByTaskIdAsync(session, answer.Account, answer.TaskId).ConfigureAwait(false);

        // A ledger at the same address with another id may have been put in the place of the lost one: then only this file knows what was bought.
        bool isItsLedger = answer.LedgerId is not null && answer.LedgerId == store.Id;
        if (task is null && !isItsLedger && answer.Ledger != store.Place)
        {
            return null;
        }

        string? warning = null;
        switch (answer.Kind)
        {
            case SpooledKind.Accepted:
                warning = await RecordAcceptedAsync(session, answer, task).ConfigureAwait(false);
                break;
            case SpooledKind.Ended:
                (_, warning) = await RecordEndAsync(session, answer, task).ConfigureAwait(false);
                break;
            case SpooledKind.Rejected when task is not null:
                await TaskTransactions.RejectAsync(session, task, answer.Code, answer.Reason!).ConfigureAwait(false);
                break;
            case SpooledKind.Unknown when task is not null:
                warning = DescribeReopened(answer, task, await TaskTransactions.LoseResponseAsync(session, task, answer.Reason!, answer.Credits).ConfigureAwait(false));
                break;
            case SpooledKind.Unknown:
                warning = DescribeReopened(answer, task, await TaskTransactions.RestoreUnknownAsync(session, answer).ConfigureAwait(false));
                break;
            case SpooledKind.Saving or SpooledKind.Saved:
                (task, warning) = await RecordEndAsync(session, answer, task).ConfigureAwait(false);
                await RecordFileAsync(session, answer, isOwn, task).ConfigureAwait(false);
                break;
            default:
                // Nothing was bought, and no record says otherwise.
                break;
        }

        return new Replay(warning);
    }

    /// <summary>Whatever has happened to the attempt in the meantime, the task that was bought is in the ledger afterwards, and known as the purchase of its video.</summary>
    /// <returns>See <see cref="RecordResult.Recorded.Warning"/>.</returns>
    private static async Task<string?> RecordAcceptedAsync(SqlSession session, SpooledAnswer answer, KlingVideoTask? task)
    {
        string taskId = answer.TaskId!;
        RecordResult? result = task is null ? null : await TaskTransactions.AcceptAsync(session, task.Id, taskId, price: answer.Credits).ConfigureAwait(false);
        KlingVideoTask? bought = await TaskTable.FindByTaskIdAsync(session, answer.Account, taskId).ConfigureAwait(false);
        if (bought is null)
        {
            var snapshot = new TaskSnapshot { TaskId = taskId, State = KlingTaskState.Waiting, Spec = task?.Spec, CreditsConsumed = answer.Credits };
            bought = await TaskTransactions.ObserveAsync(session, answer.Account, snapshot).ConfigureAwait(false);
        }

        // If an older backup was restored, the task may be known only from the service, which need not say what it was made from.
        await TaskTable.SetIdentityAsync(session, bought.Id, answer.Identity).ConfigureAwait(false);
        if (task is null)
        {
            bought = await TaskTable.GetAsync(session, bought.Id).ConfigureAwait(false);
            await Successors.ReopenAsync(session, bought.Id, answer.Id).ConfigureAwait(false);
            result = new RecordResult.Recorded(bought, await Successors.FindAsync(session, bought).ConfigureAwait(false));
        }

        return (result as RecordResult.Recorded)?.Warning;
    }

    /// <summary>What users should know about an attempt that is unknown although it was settled, or its record was gone; <see langword="null"/> about any other.</summary>
    /// <param name="answer">What was kept.</param>
    /// <param name="before">The attempt as it was recorded, if it was.</param>
    /// <param name="result">What came of recording it.</param>
    private static string? DescribeReopened(SpooledAnswer answer, KlingVideoTask? before, RecordResult result)
    {
        if (before?.TaskState.IsSettled() == false || result is not RecordResult.Recorded { Task: var unknown } reopened)
        {
            return null;
        }

        string what = before is null
            ? "is Unknown: the response to its request is lost, and the ledger no longer had a record of it."
            : "is Unknown again: when it was settled, nobody knew that its request was still under way, and the response to that request is lost.";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Task {unknown.Id} ('{answer.Subject ?? unknown.Subject}') {what}{reopened.Replacement} Resolve it with Resolve-KlingVideoTask.");
    }

    /// <summary>Records how a task has ended; it was certainly bought, whether or not that is recorded. What was recorded since is newer.</summary>
    /// <returns>The task that has ended, and what <see cref="RecordAcceptedAsync"/> says.</returns>
    private static async Task<(KlingVideoTask? Task, string? Warning)> RecordEndAsync(SqlSession session, SpooledAnswer answer, KlingVideoTask? task)
    {
        if (answer.FindEnd(await session.GetNowAsync().ConfigureAwait(false)) is not TaskSnapshot end)
        {
            return (task, null);
        }

        string? warning = await RecordAcceptedAsync(session, answer, task).ConfigureAwait(false);
        KlingVideoTask? bought = await TaskTable.FindByTaskIdAsync(session, answer.Account, end.TaskId).ConfigureAwait(false);
        return bought is null || (bought.TaskState.IsSettled() && bought.ResultUri is not null)
            ? (bought ?? task, warning)
            : (await TaskTransactions.ObserveAsync(session, answer.Account, end).ConfigureAwait(false), warning);
    }

    /// <summary>What was recorded since is newer; in that case, the file is still recognized by its content.</summary>
    private static async Task RecordFileAsync(SqlSession session, SpooledAnswer answer, bool isOwn, KlingVideoTask? task)
    {
        if (task is not { SavedPath: null })
        {
            return;
        }

        if (answer.Kind == SpooledKind.Saved && isOwn)
        {
            // It was saved a while ago: the user may have taken it elsewhere since.
            await TaskTransactions.RecordFoundAsync(session, task, answer.Path!, answer.Hash!).ConfigureAwait(false);
            return;
        }

        // Whether the file is there is for its content to say.
        await TaskTransactions.BeginSavingAsync(session, task, answer.Path!, answer.Hash!).ConfigureAwait(false);
        if (answer.Kind == SpooledKind.Saved)
        {
            await SavedFiles.RecordContentAsync(session, task.Id, answer.Hash!).ConfigureAwait(false);
        }
    }

    /// <summary>What came of recording an answer.</summary>
    /// <param name="Warning">What users should know about it; otherwise <see langword="null"/>.</param>
    private sealed record Replay(string? Warning);
}
