using System.Collections.Concurrent;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Callbacks;

/// <summary>Processes admitted callbacks: finds the task of each, and has the waiter poll it, or polls it itself if nobody is waiting for it.</summary>
internal sealed class CallbackDispatcher
{
    /// <summary>How many callbacks are processed at the same time; the session's gate limits the rate of queries.</summary>
    private const int MaxConcurrent = 16;

    /// <summary>The callback may be the only trace of a lost task, so an outage of the service is waited out.</summary>
    private static readonly RetryOptions s_outage = new() { Backoff = Backoff.Every(TimeSpan.FromSeconds(5)), Patience = PollLimits.LongestOutage };

    private readonly CallbackGate _gate;
    private readonly CallbackProcessor _processor;
    private readonly ExpectedTasks _expected;
    private readonly bool _takesAll;
    private readonly Instant? _deadline;
    private readonly IPipelineObserver? _observer;
    private readonly RetryPolicy _outage;

    /// <summary>The tasks that were left to the waiter and have not come out yet, by local id.</summary>
    private readonly ConcurrentDictionary<long, KlingVideoTask> _announced = new();
    private int _ignored;

    /// <summary>Creates the dispatcher.</summary>
    /// <param name="service">The service; its observer is told about callbacks that could not be used.</param>
    /// <param name="gate">What admits callbacks.</param>
    /// <param name="expected">The tasks that are waited for.</param>
    /// <param name="takesAll">Whether to wait for every task that a callback comes for.</param>
    /// <param name="deadline">How long to wait for tasks that nobody has posted.</param>
    public CallbackDispatcher(KlingService service, CallbackGate gate, ExpectedTasks expected, bool takesAll, Instant? deadline)
    {
        _gate = gate;
        _processor = new CallbackProcessor(service);
        _expected = expected;
        _takesAll = takesAll;
        _deadline = deadline;
        _observer = service.Observer;
        _outage = new RetryPolicy(s_outage, service.Session.TimeProvider);
    }

    /// <summary>How many unsigned callbacks were about tasks that are unknown here.</summary>
    public int Ignored => Volatile.Read(ref _ignored);

    /// <summary>Processes callbacks until no more are admitted.</summary>
    /// <param name="onFatal">Called with the service's id of the task and any error that every callback would meet.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public Task RunAsync(Action<string, KlingException> onFatal, CancellationToken cancellationToken) => Parallel.ForEachAsync(
        _gate.Accepted.ReadAllAsync(cancellationToken),
        new ParallelOptions { MaxDegreeOfParallelism = MaxConcurrent, CancellationToken = cancellationToken },
        async (notice, token) =>
        {
            try
            {
                await DispatchAsync(notice, token).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // What goes wrong with one callback does not concern the others.
            catch (Exception caught) when (!UnexpectedError.IsStop(caught, token))
#pragma warning restore CA1031
            {
                KlingException exception = UnexpectedError.From(caught, $"the callback for task {notice.TaskId}");
                _gate.Forget(notice);
                if (exception.IsFatal && (_takesAll || exception is not KlingApiException { IsTransient: true }))
                {
                    onFatal(notice.TaskId, exception);
                }
                else
                {
                    WarnOfSkipped(exception);
                }
            }
        });

    /// <summary>A task that was waited for has come out.</summary>
    public void OnFinished(long id) => _announced.TryRemove(id, out _);

    /// <summary>Polls the tasks that were left to the waiter and will no longer come out.</summary>
    public async Task RefreshUnfinishedAsync(CancellationToken cancellationToken)
    {
        foreach (KlingVideoTask task in _announced.Values)
        {
            await TryRefreshAsync(task, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task DispatchAsync(CallbackNotice notice, CancellationToken cancellationToken)
    {
        if (await RetryAsync(() => _processor.LocateAsync(notice, cancellationToken), cancellationToken).ConfigureAwait(false) is not LocatedCallback located)
        {
            Interlocked.Increment(ref _ignored);
            return;
        }

        KlingVideoTask task = located.Task;
        if (!_expected.IsClosed && TryHandOver(located))
        {
            return;
        }

        if (!located.IsConfirmed && !task.TaskState.IsSettled() && !await TryRefreshAsync(task, cancellationToken).ConfigureAwait(false))
        {
            _gate.Forget(notice);
        }

        // It may be on its way here; the record is read when it comes.
        _expected.Announce(task.Id, isKept: true);
    }

    /// <summary>Leaves a task to the waiter.</summary>
    /// <returns>Whether it is waited for.</returns>
    private bool TryHandOver(LocatedCallback located)
    {
        KlingVideoTask task = located.Task;
        _announced[task.Id] = task;
        bool isAwaited = located.AbsorbedId is long absorbed && (_expected.Announce(absorbed) || _expected.Contains(absorbed));
        if (_expected.Announce(task.Id) || isAwaited || ((_takesAll || located.IsSettled) && _expected.TryAddCalled(task, _deadline)))
        {
            return true;
        }

        _announced.TryRemove(task.Id, out _);
        return false;
    }

    /// <summary>Brings a task up to date that nobody is waiting for here. Errors only lead to a warning.</summary>
    /// <returns>Whether the service could be asked.</returns>
    private async Task<bool> TryRefreshAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        try
        {
            await RetryAsync(() => _processor.RefreshAsync(task, cancellationToken), cancellationToken).ConfigureAwait(false);
            return true;
        }
#pragma warning disable CA1031 // As above.
        catch (Exception exception) when (!UnexpectedError.IsStop(exception, cancellationToken))
#pragma warning restore CA1031
        {
            WarnOfSkipped(UnexpectedError.From(exception, $"task {task.Id}"));
            return false;
        }
    }

    private Task<T> RetryAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
        => _outage.RunAsync(work, exception => exception is KlingApiException { IsTransient: true } ? new Retry(exception) : null, cancellationToken);

    private void WarnOfSkipped(KlingException exception) => _observer?.OnWarning($"A callback was skipped. {exception.Message}");
}
