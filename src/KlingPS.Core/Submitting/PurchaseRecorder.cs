using System.Diagnostics;
using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;

namespace KlingPS.Core.Submitting;

/// <summary>Records what has become of the requests of one purchase. If the ledger cannot be written, it is kept on this machine or told, and ends the batch.</summary>
/// <param name="sender">The ledger, and whom to tell.</param>
/// <param name="submission">How the video is bought.</param>
internal sealed class PurchaseRecorder(PurchaseSender sender, Submission submission)
{
    private const string LedgerIsClosed = "The ledger has been closed.";

    /// <summary>How long to keep trying to record in a ledger that keeps on this machine what it cannot record.</summary>
    private static readonly TimeSpan s_longestRecording = TimeSpan.FromSeconds(5);

    private ITaskJournal Tasks => sender.Session.Ledger.Tasks;

    /// <summary>Records that an attempt bought nothing.</summary>
    /// <param name="task">The attempt.</param>
    /// <param name="intent">What was asked for.</param>
    /// <param name="reason">Why.</param>
    /// <param name="code">The service's code; <see langword="null"/> if it was not the service that refused.</param>
    /// <returns>What the ledger says; <see langword="null"/> if it cannot be written.</returns>
    public Task<RecordResult?> RejectAsync(KlingVideoTask task, TaskIntent intent, string reason, string? code)
        => TryRecordAsync(() => Tasks.RecordRejectedAsync(task, code, reason), SpooledAnswer.Rejected(task, code, reason), intent);

    /// <summary>Records that an attempt has bought nothing so far, and waits to be made again.</summary>
    /// <param name="task">The attempt.</param>
    /// <param name="reason">Why.</param>
    /// <returns>What the ledger says; <see langword="null"/> if it cannot be written.</returns>
    public async Task<RecordResult?> HoldBackAsync(KlingVideoTask task, string reason)
    {
        try
        {
            return await Tasks.RecordHeldBackAsync(task, reason).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // The record then says that the request may have left, which costs a question but no money.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }

    /// <summary>Records that the video was bought, persistently: without the record, nobody knows whose the task is.</summary>
    /// <param name="task">The attempt.</param>
    /// <param name="taskId">The id that the service has given it.</param>
    /// <param name="intent">What was asked for.</param>
    /// <returns>The record of the purchase.</returns>
    /// <exception cref="LostPurchaseException">It could not be recorded, nor kept.</exception>
    public async Task<KlingVideoTask> AcceptAsync(KlingVideoTask task, string taskId, TaskIntent intent)
    {
        RecordResult result;
        long begun = sender.Session.TimeProvider.GetTimestamp();

        // If nothing has answered for long, the next attempt would wait just as long.
        bool IsToBeKept() => sender.Session.Ledger.KeepsAnswers && sender.Session.TimeProvider.GetElapsedTime(begun) > s_longestRecording;
        try
        {
            result = await sender.Recording.RunAsync(
                () => Tasks.RecordAcceptedAsync(task.Id, taskId, intent),
                exception => exception is ObjectDisposedException or KlingException { Kind: not ErrorKind.LedgerUnusable } || IsToBeKept() ? null : new Retry(exception),
                CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            if (await Tasks.KeepAsync(SpooledAnswer.Accepted(task, taskId)).ConfigureAwait(false) is string kept)
            {
                sender.Observer?.OnWarning($"The video of '{submission.Subject}' was bought as task {taskId} of the service, and the ledger cannot be written. This is kept in '{kept}' until the next command on this machine that can write the ledger records it.");
                sender.Fatal.Set(WhileKept(exception, kept));
                sender.Loss.Note(exception);
                return task.Accepted(taskId, sender.Session.TimeProvider.GetUtcNow())! with { IsUnrecorded = true };
            }

            string why = exception is ObjectDisposedException ? LedgerIsClosed : UnexpectedError.Describe(exception) + '.';
            throw new LostPurchaseException($"The video of '{submission.Subject}' was bought as task {taskId} of the service, but that could not be recorded: {why}", taskId, exception);
        }

        switch (result)
        {
            case RecordResult.Recorded recorded:
                if (recorded.Warning is string warning)
                {
                    sender.Observer?.OnWarning(warning);
                }

                return recorded.Task;
            case RecordResult.Superseded { Task: var settled }:
                await RecordSecondAsync(settled, taskId).ConfigureAwait(false);
                return settled;
            case RecordResult.Taken { Other: var other }:
                throw new LostPurchaseException($"The service gave it the id {taskId}, which is that of '{other.Subject}' (task {other.Id}) already.", taskId: null, cause: null);
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>Records the second task of a purchase: a callback has revealed that an earlier request, which seemed to be refused, was accepted.</summary>
    private async Task RecordSecondAsync(KlingVideoTask settled, string taskId)
    {
        string second;
        try
        {
            var snapshot = new TaskSnapshot { TaskId = taskId, State = KlingTaskState.Waiting, Spec = settled.Spec };
            KlingVideoTask recorded = await Tasks.RecordSnapshotAsync(sender.Session.Account, snapshot).ConfigureAwait(false);
            second = string.Create(CultureInfo.InvariantCulture, $"({recorded.Id} here)");
        }
#pragma warning disable CA1031 // The first task is bought and recorded, whatever happens to this record.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            second = $"(which could not be recorded: {UnexpectedError.Describe(exception)}. Get-KlingVideoTask -TaskId {ServiceTaskId.Quote(taskId)} records it in the ledger)";
        }

        sender.Observer?.OnWarning(
            $"The video of '{submission.Subject}' was bought twice: as task {settled.TaskId} of the service (task {settled.Id} here), "
            + $"although the answer to that request was an error, and as task {taskId} {second}.");
    }

    /// <summary>Records that the outcome of the request is unknown.</summary>
    /// <param name="task">The attempt.</param>
    /// <param name="intent">What was asked for.</param>
    /// <param name="exception">What is known of the request.</param>
    /// <returns>The task, if a callback has revealed in the meantime that it was bought.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.AttemptUnknown"/>, in every other case.</exception>
    public async Task<KlingVideoTask> LoseAsync(KlingVideoTask task, TaskIntent intent, Exception exception)
    {
        KlingApiException? answer = exception is LostPurchaseException ? null
            : exception as KlingApiException ?? ApiTransport.CreateLostAnswerException(UnexpectedError.Describe(exception), exception);
        string reason = (answer ?? exception).Message;
        RecordResult? result = await TryRecordAsync(() => Tasks.RecordUnknownAsync(task.Id, reason, intent), SpooledAnswer.Unknown(task, reason), intent).ConfigureAwait(false);
        if (exception.InnerException is KlingApiException { IsFatal: true } cause)
        {
            // All other requests would end the same way.
            sender.Fatal.Set(cause);
        }

        string? taskId = (exception as LostPurchaseException)?.TaskId;
        if (result is RecordResult.Superseded { Task: { TaskId: not null } settled } && (exception is not LostPurchaseException || taskId == settled.TaskId))
        {
            return settled;
        }

        // If its record had to be restored, it has another number.
        var recorded = result as RecordResult.Recorded;
        long id = recorded?.Task.Id ?? task.Id;
        reason += recorded?.Replacement;
        string message = taskId is null ? DescribeUnknown(id, reason) : $"{reason} Once the ledger works again: Resolve-KlingVideoTask {id} -TaskId {ServiceTaskId.Quote(taskId)}.";
        KlingException lost = answer is null ? new KlingException(ErrorKind.AttemptUnknown, message, exception.InnerException) : answer.WithMessage(message);
        lost.TaskNumber = id;
        throw lost;
    }

    /// <summary>Records how the attempt ended. If that fails, the outcome is kept or the attempt is disowned, so that it is settled as soon as the ledger can be written.</summary>
    private async Task<RecordResult?> TryRecordAsync(Func<Task<RecordResult>> record, SpooledAnswer answer, TaskIntent intent)
    {
        try
        {
            return await record().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // What happened to the request matters more, and its error is already on its way.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            string? kept = await Tasks.KeepAsync(answer).ConfigureAwait(false);
            if (kept is null)
            {
                Tasks.Disown(answer.Id, intent, mayBeBought: answer.Kind == SpooledKind.Unknown, answer.Reason!);
            }

            // Nothing else is bought with such a ledger.
            if (failure is ObjectDisposedException)
            {
                sender.Fatal.Set(new KlingException(ErrorKind.LedgerUnusable, LedgerIsClosed, failure));
            }
            else if (failure is KlingException { Kind: ErrorKind.LedgerUnusable } unusable)
            {
                sender.Fatal.Set(kept is null ? unusable : WhileKept(unusable, kept));
                sender.Loss.Note(unusable);
            }

            return null;
        }
    }

    /// <summary>The error that ends the command while what it has bought is kept on this machine.</summary>
    private static KlingException WhileKept(Exception exception, string kept)
        => AnswerSpool.CreateKeptException(exception as KlingException ?? new KlingException(ErrorKind.LedgerUnusable, LedgerIsClosed, exception), kept);

    private string DescribeUnknown(long id, string reason)
    {
        string price = submission.Credits is decimal credits ? string.Create(CultureInfo.InvariantCulture, $"{credits:0.##} credits") : "Its credits";
        return $"It is not known whether the video of '{submission.Subject}' was bought (task {id}). {reason} "
            + $"{price} may have been spent; the request is not sent again automatically.";
    }
}

/// <summary>The video was or may have been bought, and the record of the attempt does not say so.</summary>
/// <param name="reason">What is known.</param>
/// <param name="taskId">The service's id; <see langword="null"/> if it is that of another task.</param>
/// <param name="cause">What kept it from being recorded.</param>
internal sealed class LostPurchaseException(string reason, string? taskId, Exception? cause) : Exception(reason, cause)
{
    /// <summary>The service's id, if it is known and that of this task.</summary>
    public string? TaskId => taskId;
}
