using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Callbacks;

/// <summary>Waits for tasks as <see cref="TaskWaiter"/> does, but is told of their end by callbacks.</summary>
/// <remarks>
/// Whatever a callback is about, the ledger learns of it. Handed out are the tasks that were posted, and attempts that were
/// settled by their number; or all.
/// </remarks>
public sealed class CallbackReceiver : IPipelineStage<TaskReference, Outcome<TaskReference, KlingVideoTask>>
{
    /// <summary>Callbacks that are looked into at the same time; the rate of queries is the gate's business.</summary>
    private const int MaxInHand = 16;

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longestOutage = TimeSpan.FromMinutes(10);

    /// <summary>How long callbacks that have been answered may still be looked into when the wait is over: as long as the service would have given them.</summary>
    private static readonly TimeSpan s_longestDrain = TimeSpan.FromSeconds(15);

    /// <summary>A timer runs for 49 days at most, and a day is as good.</summary>
    private static readonly TimeSpan s_longestTimer = TimeSpan.FromDays(1);

    private readonly KlingSession _session;
    private readonly DateTimeOffset _start;
    private readonly CallbackGate _gate;
    private readonly IDisposable _listener;
    private readonly ReceiveOptions _options;
    private readonly IPipelineObserver? _observer;
    private readonly TimeProvider _time;
    private readonly TaskWaiter _waiter;
    private readonly CallbackProcessor _processor;
    private readonly DateTimeOffset? _end;
    private readonly CancellationTokenSource _stop = new();

    /// <summary>The local ids of the tasks that the waiter has been given: each comes out once.</summary>
    private readonly ConcurrentDictionary<long, byte> _posted = new();

    /// <summary>The local ids of the attempts that were found to be lost upstream.</summary>
    private readonly ConcurrentDictionary<long, byte> _lost = new();

    private readonly Channel<Outcome<TaskReference, KlingVideoTask>> _results = Channel.CreateUnbounded<Outcome<TaskReference, KlingVideoTask>>();

    /// <summary>The tasks that the waiter has been told of, and has not handed out.</summary>
    private readonly ConcurrentDictionary<long, KlingVideoTask> _called = new();

    private readonly Task _listening;
    private volatile bool _isDraining;
    private int _ignored;
    private int _stillLost;

    /// <summary>1 when a task came that is not waited for any more.</summary>
    private int _refused;

    /// <summary>Begins to look into what the listener lets in.</summary>
    /// <param name="service">The service; its observer is told of callbacks that could not be used.</param>
    /// <param name="listener">The listener; stopped together with this.</param>
    /// <param name="options">What for, and how long.</param>
    public CallbackReceiver(KlingService service, CallbackListener listener, ReceiveOptions options)
        : this(service, (listener ?? throw new ArgumentNullException(nameof(listener))).Gate, listener, options)
    {
    }

    /// <summary>Begins to look into what the gate lets in, however it comes there.</summary>
    internal CallbackReceiver(KlingService service, CallbackGate gate, IDisposable listener, ReceiveOptions options)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(options);
        _session = service.Session;
        _start = _session.TimeProvider.GetUtcNow();
        _gate = gate;
        _listener = listener;
        _options = options;
        _observer = service.Observer;
        _time = _session.TimeProvider;
        _processor = new CallbackProcessor(service);
        _waiter = new TaskWaiter(
            service,
            new WaitOptions
            {
                Timeout = options.Timeout,
                PollingInterval = options.PollingInterval,
                Callbacks = options.IsPolling ? CallbackUse.WithPolling : CallbackUse.WithoutPolling,
            });
        if (options is { TakesAll: true, Timeout: TimeSpan timeout })
        {
            _end = _time.GetUtcNow() + timeout;
            _ = StopListeningAsync(timeout);
        }

        _listening = ListenAsync();
        _ = ForwardAsync();
    }

    /// <inheritdoc/>
    public ChannelReader<Outcome<TaskReference, KlingVideoTask>> Results => _results.Reader;

    /// <summary>How many attempts found by <see cref="ReceiveOptions.TakesLost"/> no callback has come for. They do not come out: the command that lost the answer has reported it.</summary>
    public int StillLost => Volatile.Read(ref _stillLost);

    /// <summary>How many unsigned callbacks were about tasks that are not known here.</summary>
    public int Ignored => Volatile.Read(ref _ignored);

    /// <inheritdoc/>
    public Task PostAsync(TaskReference item, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        if (_isDraining)
        {
            if (Interlocked.Exchange(ref _refused, 1) == 0)
            {
                _observer?.OnWarning($"As many tasks as were asked for have come out: {item} and those after it are not waited for here.");
            }

            return Task.CompletedTask;
        }

        // Its callback may have been here first, and then it comes out for that.
        return (item.Task?.Id ?? item.Id) is long id && !_posted.TryAdd(id, 0)
            ? Task.CompletedTask
            : _waiter.PostAsync(item, cancellationToken);
    }

    /// <inheritdoc/>
    public void Complete()
    {
        if (!_options.TakesAll)
        {
            _ = CompleteAsync();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _waiter.Dispose();
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the search is carried to the reader of the results.")]
    private async Task CompleteAsync()
    {
        try
        {
            if (_options.TakesLost)
            {
                await PostLostAsync().ConfigureAwait(false);
            }

            _waiter.Complete();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Nobody reads the results any more.
        }
        catch (Exception exception)
        {
            _results.Writer.TryComplete(exception);
        }
    }

    /// <summary>A command upstream reports an attempt whose answer was lost and passes nothing on; only the callback can tell of it.</summary>
    private async Task PostLostAsync()
    {
        IReadOnlyList<KlingVideoTask> attempts = await _session.Ledger.Tasks.ListAsync(
            new TaskFilter { Account = _session.Account, States = [KlingTaskState.Unknown, KlingTaskState.Submitting], Since = _start, IsOwnAttempt = true },
            _stop.Token).ConfigureAwait(false);
        foreach (KlingVideoTask attempt in attempts.Where(attempt => attempt.CallbackUri is not null && _posted.TryAdd(attempt.Id, 0)))
        {
            _lost.TryAdd(attempt.Id, 0);
            _waiter.PostLost(attempt);
        }
    }

    private async Task StopListeningAsync(TimeSpan timeout)
    {
        long start = _time.GetTimestamp();
        while (!_stop.IsCancellationRequested && timeout - _time.GetElapsedTime(start) is var left && left > TimeSpan.Zero)
        {
            // Whole milliseconds, rounded up: less than one is none, and would be spent in circles.
            double milliseconds = Math.Min(Math.Ceiling(left.TotalMilliseconds), s_longestTimer.TotalMilliseconds);
            await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _listener.Dispose();
        _gate.Complete();
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the listening is carried to the reader of the results.")]
    private async Task ListenAsync()
    {
        try
        {
            var limits = new ParallelOptions { MaxDegreeOfParallelism = MaxInHand, CancellationToken = _stop.Token };
            await Parallel.ForEachAsync(_gate.Accepted.ReadAllAsync(_stop.Token), limits, HandleAsync).ConfigureAwait(false);
            if (_options.TakesAll)
            {
                _waiter.Complete();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Nobody reads the results any more.
        }
        catch (Exception exception)
        {
            _results.Writer.TryComplete(exception);
        }
    }

    private async ValueTask HandleAsync(CallbackNotice notice, CancellationToken cancellationToken)
    {
        try
        {
            await HandOverAsync(notice, cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception)
        {
            _gate.Forget(notice);
            if (exception.IsFatal && (_options.TakesAll || exception is not KlingApiException { IsTransient: true }))
            {
                _results.Writer.TryWrite(new(new TaskReference { TaskId = notice.TaskId }, null, exception));
            }
            else
            {
                PassOver(exception);
            }
        }
    }

    private async Task HandOverAsync(CallbackNotice notice, CancellationToken cancellationToken)
    {
        if (await RetryAsync(() => _processor.LocateAsync(notice, cancellationToken), cancellationToken).ConfigureAwait(false) is not LocatedCallback located)
        {
            Interlocked.Increment(ref _ignored);
            return;
        }

        KlingVideoTask task = located.Task;
        if (!_isDraining)
        {
            _called[task.Id] = task;
            bool isAwaited = located.AbsorbedId is long absorbed && (_waiter.Announce(absorbed) || _posted.ContainsKey(absorbed));
            if (_waiter.Announce(task.Id) || isAwaited)
            {
                return;
            }

            if ((_options.TakesAll || located.IsSettled) && _posted.TryAdd(task.Id, 0))
            {
                _waiter.Post(new TaskReference { Task = task }, _end, isAnnounced: true);
                return;
            }

            _called.TryRemove(task.Id, out _);
        }

        if (!located.IsConfirmed && !task.State.IsSettled())
        {
            if (!await RefreshAsync(task, cancellationToken).ConfigureAwait(false))
            {
                _gate.Forget(notice);
            }
        }

        // It may be on its way here, and reads the record when it comes.
        _waiter.Announce(task.Id, isKept: true);
    }

    /// <summary>Brings a task up to date that nobody waits for here; whatever is wrong with it ends nothing.</summary>
    /// <returns>Whether the service could be asked.</returns>
    private async Task<bool> RefreshAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        try
        {
            await RetryAsync(() => _processor.RefreshAsync(task, cancellationToken), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (KlingException exception)
        {
            PassOver(exception);
            return false;
        }
    }

    private void PassOver(KlingException exception) => _observer?.OnWarning($"A callback was passed over. {exception.Message}");

    /// <summary>The service may be away for a while; the callback of a lost task may be all there is of it.</summary>
    private async Task<T> RetryAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        for (long start = _time.GetTimestamp(); ;)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (KlingApiException exception) when (exception.IsTransient && _time.GetElapsedTime(start) < s_longestOutage)
            {
                await Task.Delay(s_pause, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Sees to it that the ledger learns of every callback that was answered: the service does not send it again.</summary>
    private async Task DrainAsync()
    {
        _isDraining = true;
        _listener.Dispose();
        _gate.Complete();
        Task limit = Task.Delay(s_longestDrain, _time, _stop.Token);
        await Task.WhenAny(Task.WhenAll(_listening, RefreshCalledAsync()), limit).ConfigureAwait(false);
    }

    /// <summary>Looks at what was called for, but does not come out any more.</summary>
    private async Task RefreshCalledAsync()
    {
        foreach (KlingVideoTask task in _called.Values)
        {
            await RefreshAsync(task, _stop.Token).ConfigureAwait(false);
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the wait is carried to the reader of the results.")]
    private async Task ForwardAsync()
    {
        try
        {
            int count = 0;
            await foreach (Outcome<TaskReference, KlingVideoTask> outcome in _waiter.Results.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                if (outcome is { Error.Kind: ErrorKind.AttemptUnknown, Item.Task: KlingVideoTask attempt } && _lost.ContainsKey(attempt.Id))
                {
                    Interlocked.Increment(ref _stillLost);
                    continue;
                }

                bool isLast = outcome.Value is not null && ++count == _options.Count;
                _isDraining = isLast;
                _results.Writer.TryWrite(outcome);
                if ((outcome.Value ?? outcome.Item.Task)?.Id is long id)
                {
                    _called.TryRemove(id, out _);
                }

                if (isLast)
                {
                    break;
                }
            }

            await DrainAsync().ConfigureAwait(false);
            _results.Writer.TryComplete();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            _results.Writer.TryComplete();
        }
        catch (Exception exception)
        {
            _results.Writer.TryComplete(exception);
        }
        finally
        {
            Dispose();
        }
    }
}
