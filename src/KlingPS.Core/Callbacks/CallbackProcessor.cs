using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Callbacks;

/// <summary>
/// Finds the tasks that callbacks are about. Trusts no callback: the signature does not cover the body, so a callback only says
/// which task to ask the service for.
/// </summary>
internal sealed class CallbackProcessor
{
    /// <summary>A callback is sometimes ahead of the service's record: then the task is still unknown, or what it was made from is.</summary>
    private static readonly RetryOptions s_record = new() { Backoff = Backoff.Every(PollLimits.Soon), MaxAttempts = PollLimits.MaxPollsForRecord };

    private readonly KlingService _service;
    private readonly KlingSession _session;
    private readonly KlingClient _client;
    private readonly TaskFinder _finder;
    private readonly IPipelineObserver? _observer;
    private readonly RetryPolicy _recordPolicy;

    /// <summary>Creates the processor.</summary>
    /// <param name="service">The service; its observer is told if a video was bought although its attempt counted as refused or given up.</param>
    public CallbackProcessor(KlingService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        _service = service;
        _session = service.Session;
        _observer = service.Observer;
        _client = service.Client;
        _finder = new TaskFinder(service);
        _recordPolicy = new RetryPolicy(s_record, _session.TimeProvider);
    }

    /// <summary>Processes a callback that another web server has received.</summary>
    /// <param name="body">The body: JSON in UTF-8.</param>
    /// <param name="uri">The address that was called, if it is known; it carries the nonce of the attempt.</param>
    /// <param name="report">The result of checking its signature; <see langword="null"/> if it was not checked.</param>
    /// <param name="cancellationToken">Ends the wait for the service.</param>
    /// <returns>The task, up to date.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.CallbackRefused"/>: the body is not a callback, its signature is not genuine, or its task is not in this ledger. Other kinds: the service could not confirm it.</exception>
    public async Task<KlingVideoTask> ProcessAsync(ReadOnlyMemory<byte> body, string? uri, CallbackReport? report, CancellationToken cancellationToken)
    {
        if (report is { IsGenuine: false })
        {
            throw new KlingException(ErrorKind.CallbackRefused, $"The callback was refused. {report.Reason}");
        }

        (CallbackPayload? payload, CallbackVerdict problem) = CallbackPayload.Read(body);
        if (payload is null)
        {
            throw new KlingException(ErrorKind.CallbackRefused, $"This is not a callback of the service. {new CallbackReport(problem).Reason}");
        }

        string taskId = report?.TaskId ?? payload.TaskIds[0];
        string? nonce = CallbackNonce.Find(uri) ?? CallbackNonce.Find(payload.CallbackUri);
        var notice = new CallbackNotice(taskId, nonce, report is not null, ReplayKey: string.Empty);
        LocatedCallback located = await LocateAsync(notice, cancellationToken).ConfigureAwait(false)
            ?? throw new KlingException(ErrorKind.CallbackRefused, $"The callback is about task {taskId}, which is not in the ledger '{_session.Ledger.Location}'. The callback is not signed, so the service was not asked for the task.");
        return located.IsConfirmed ? located.Task : await _finder.RefreshAsync(located.Task, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Finds the task that a callback is about. If the ledger does not have its id, the service is asked, and the attempt that the task belongs to is settled.</summary>
    /// <returns>The task; <see langword="null"/> if it is unknown here and anyone could have sent the callback.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.CallbackRefused"/>: the task was made from another request than the attempt it names. Other kinds: the service did not confirm it.</exception>
    internal async Task<LocatedCallback?> LocateAsync(CallbackNotice notice, CancellationToken cancellationToken)
    {
        KlingVideoTask? attempt = null;
        try
        {
            attempt = await FindOpenAsync(notice.Nonce, cancellationToken).ConfigureAwait(false);
            return await LocateAsync(notice, attempt, cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception) when (_service.Loss.Note(exception) && (attempt is not null || notice.IsSigned))
        {
            // Nobody sends it again, and an attempt that counts as one that bought nothing would be bought once more.
            string? kept;
            try
            {
                kept = await KeepAsync(notice, attempt, cancellationToken).ConfigureAwait(false);
            }
            catch (KlingException refusal) when (refusal is not KlingApiException { IsTransient: true })
            {
                // The service does not confirm the callback, so there is nothing to keep.
                kept = null;
            }

            if (kept is not null)
            {
                throw AnswerSpool.CreateKeptException(exception, kept);
            }

            throw;
        }
    }

    /// <inheritdoc cref="LocateAsync(CallbackNotice, CancellationToken)"/>
    /// <param name="notice">What the callback says.</param>
    /// <param name="attempt">The attempt that it names. It was looked up first: the response to the create request may be recorded since.</param>
    /// <param name="cancellationToken">Ends the wait for the service.</param>
    private async Task<LocatedCallback?> LocateAsync(CallbackNotice notice, KlingVideoTask? attempt, CancellationToken cancellationToken)
    {
        KlingVideoTask? known = await _session.Ledger.Tasks.FindByTaskIdAsync(_session.Account, notice.TaskId, cancellationToken).ConfigureAwait(false);
        // The record of a task that the service had forgotten, or had reported as failed, is trusted no more than the callback: the service is asked. Both need a sender who may cause requests.
        bool isInDoubt = known is { IsForgotten: true } or { TaskState: KlingTaskState.Failed } && (notice.IsSigned || (notice.Nonce is not null && notice.Nonce == known.Nonce));
        if (known?.Nonce is not null && !isInDoubt)
        {
            return new LocatedCallback(known, IsConfirmed: false, IsSettled: false);
        }

        // A callback that anyone could send must not cause requests, unless its sender knows the nonce, which no stranger does.
        if (attempt is null && !notice.IsSigned && !isInDoubt)
        {
            return known is null ? null : new LocatedCallback(known, IsConfirmed: false, IsSettled: false);
        }

        TaskSnapshot snapshot = await QueryAsync(notice.TaskId, cancellationToken).ConfigureAwait(false);
        if (CallbackNonce.Find(snapshot.Spec?.CallbackUri) is string recorded && recorded != attempt?.Nonce)
        {
            attempt = await FindOpenAsync(recorded, cancellationToken).ConfigureAwait(false) ?? attempt;
        }

        if (attempt is not null)
        {
            RequireSame(attempt, snapshot);
            await SettleAsync(attempt, snapshot.TaskId).ConfigureAwait(false);
        }
        else if (known is not null && snapshot.IsEmpty)
        {
            return new LocatedCallback(known, IsConfirmed: false, IsSettled: false);
        }

        (KlingVideoTask task, KlingVideoTask? other) = await _service.RecordAsync(known, snapshot, attempt).ConfigureAwait(false);
        if (isInDoubt && other is null && task.TaskState != known!.TaskState)
        {
            string news = known.IsForgotten
                ? $"The service knows '{task.Subject}' (task {task.Id}) again, which was given up because it did not"
                : $"'{task.Subject}' (task {task.Id}), which had failed, is {task.State} at the service now";
            _observer?.OnWarning($"{news}. To get the video: Get-KlingVideoTask -Id {task.Id} | Wait-KlingVideoTask | Save-KlingVideo.");
        }

        return new LocatedCallback(task, IsConfirmed: true, IsSettled: attempt is not null, known?.Id == task.Id ? null : known?.Id);
    }

    /// <summary>Keeps on this machine that an attempt has bought a task, because the ledger is lost. The service is asked whether it has.</summary>
    /// <returns>The folder it is kept in; <see langword="null"/> if it cannot be kept, or nobody says which attempt it is.</returns>
    private async Task<string?> KeepAsync(CallbackNotice notice, KlingVideoTask? attempt, CancellationToken cancellationToken)
    {
        TaskSnapshot snapshot = await QueryAsync(notice.TaskId, cancellationToken).ConfigureAwait(false);
        string? nonce = CallbackNonce.Find(snapshot.Spec?.CallbackUri) ?? attempt?.Nonce;
        if (attempt is null || attempt.Nonce != nonce)
        {
            // Nobody but the service itself says which attempt it is.
            return nonce is null ? null : await _session.Ledger.Tasks.KeepAsync(SpooledAnswer.Accepted(_session.Account, nonce, snapshot.TaskId)).ConfigureAwait(false);
        }

        RequireSame(attempt, snapshot);
        return await _session.Ledger.Tasks.KeepAsync(SpooledAnswer.Accepted(attempt, snapshot.TaskId)).ConfigureAwait(false);
    }

    /// <summary>Polls a task and records what the service says.</summary>
    internal Task<KlingVideoTask> RefreshAsync(KlingVideoTask task, CancellationToken cancellationToken) => _finder.RefreshAsync(task, cancellationToken);

    /// <summary>The attempt with this nonce, if it has no task of the service yet. An attempt that was given up or refused counts again if it was bought after all.</summary>
    private async Task<KlingVideoTask?> FindOpenAsync(string? nonce, CancellationToken cancellationToken)
        => nonce is not null
            && await _session.Ledger.Tasks.FindByNonceAsync(_session.Account, nonce, cancellationToken).ConfigureAwait(false) is { TaskId: null } attempt
                ? attempt
                : null;

    private Task<TaskSnapshot> QueryAsync(string taskId, CancellationToken cancellationToken) => _recordPolicy.RunAsync<TaskSnapshot>(
        async attempt =>
        {
            try
            {
                TaskSnapshot snapshot = await _client.QueryTaskAsync(taskId, cancellationToken).ConfigureAwait(false);
                return snapshot.Spec is not null || attempt == PollLimits.MaxPollsForRecord
                    ? snapshot
                    : new Retry(new KlingException(ErrorKind.AnswerInvalid, $"The service does not say what task {taskId} was made from."));
            }
            catch (KlingException exception) when (exception.Kind == ErrorKind.TaskNotFound)
            {
                return new Retry(exception);
            }
        },
        cancellationToken);

    private async Task SettleAsync(KlingVideoTask attempt, string taskId)
    {
        RecordResult result = await RecordAcceptedAsync(attempt, taskId).ConfigureAwait(false);
        string? objection = result switch
        {
            RecordResult.Superseded => $"but that has become another task in the meantime. Nothing was changed; if both are yours, the video was bought twice: Get-KlingVideoTask -TaskId {ServiceTaskId.Quote(taskId)} records it in the ledger.",
            RecordResult.Taken { Other: var other } => $"but it is the video of '{other.Subject}' (task {other.Id}). Nothing was changed.",
            _ => null,
        };
        if (objection is not null)
        {
            throw new KlingException(ErrorKind.CallbackRefused, $"A callback says that task {taskId} of the service is the video of '{attempt.Subject}' (task {attempt.Id}); {objection}");
        }

        if (attempt.TaskState.IsSettled())
        {
            long id = (result as RecordResult.Recorded)?.Task.Id ?? attempt.Id;
            _observer?.OnWarning($"'{attempt.Subject}' (task {id}) was bought after all, as task {taskId} of the service, although it {(attempt.TaskState == KlingTaskState.Rejected ? "had been refused" : "was given up")}. To get the video: Get-KlingVideoTask -Id {id} | Wait-KlingVideoTask | Save-KlingVideo.");
        }

        if (result is RecordResult.Recorded { Warning: string warning })
        {
            _observer?.OnWarning(warning);
        }
    }

    /// <summary>Records which task an attempt has bought. The attempt is found by its nonce; if its record was removed while the service was asked, it is restored.</summary>
    private async Task<RecordResult> RecordAcceptedAsync(KlingVideoTask attempt, string taskId)
    {
        ITaskJournal tasks = _session.Ledger.Tasks;
        var intent = new TaskIntent
        {
            Account = attempt.Account,
            Spec = attempt.Spec,
            Identity = attempt.Identity ?? attempt.Spec.GetIdentity(),
            Credits = attempt.Spec.GetCredits(),
            Nonce = attempt.Nonce!,
            Replaces = attempt.Replaces is long replaced ? await tasks.FindAsync(replaced, CancellationToken.None).ConfigureAwait(false) : null,
        };
        return await tasks.RecordAcceptedAsync(attempt.Id, taskId, intent).ConfigureAwait(false);
    }

    private static void RequireSame(KlingVideoTask attempt, TaskSnapshot snapshot)
    {
        string[] differences = [.. attempt.FindDifferences(snapshot.Spec)];
        if (differences.Length > 0)
        {
            throw new KlingException(
                ErrorKind.CallbackRefused,
                $"A callback says that task {snapshot.TaskId} of the service is the video of '{attempt.Subject}' (task {attempt.Id}); but it is not: {string.Join(", ", differences)}. Nothing was changed.");
        }
    }
}

/// <summary>The task that a callback is about.</summary>
/// <param name="Task">The task, as the ledger has it.</param>
/// <param name="IsConfirmed">Whether the service has confirmed it.</param>
/// <param name="IsSettled">Whether the callback has settled an attempt whose answer was missing.</param>
/// <param name="AbsorbedId">The local id of the record that the attempt has absorbed, if the task had been known without its attempt.</param>
internal sealed record LocatedCallback(KlingVideoTask Task, bool IsConfirmed, bool IsSettled, long? AbsorbedId = null);
