using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Callbacks;

/// <summary>Waits for tasks as a part of the pipeline, and learns from callbacks when they end.</summary>
/// <remarks>
/// Whatever task a callback is about, the ledger is brought up to date. The tasks handed out are those that were posted, and attempts whose
/// answers were lost and whose task a callback has revealed; or all.
/// </remarks>
internal sealed class CallbackReceiver : IPipelineStage<TaskReference, Outcome<TaskReference, KlingVideoTask>>
{
    /// <summary>How long answered callbacks are still processed when the wait is over: as long as the service would have waited for the answer.</summary>
    private static readonly TimeSpan s_longestDrain = TimeSpan.FromSeconds(15);

    /// <summary>A timer cannot run for more than 49 days.</summary>
    private static readonly TimeSpan s_longestTimer = TimeSpan.FromDays(1);

    private readonly KlingSession _session;
    private readonly CallbackGate _gate;
    private readonly IDisposable _listener;
    private readonly ReceiveOptions _options;
    private readonly IPipelineObserver? _observer;
    private readonly TimeProvider _time;
    private readonly Instant _startedAt;
    private readonly DateTimeOffset _startedOn;
    private readonly ExpectedTasks _expected;
    private readonly CallbackDispatcher _dispatcher;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Outcome<TaskReference, KlingVideoTask>> _results = Channel.CreateUnbounded<Outcome<TaskReference, KlingVideoTask>>();
    private int _stillLost;

    /// <summary>1 once a task has come that is no longer waited for.</summary>
    private int _hasRefused;

    private CallbackReceiver(KlingService service, CallbackGate gate, IDisposable listener, ReceiveOptions options)
    {
        _session = service.Session;
        _gate = gate;
        _listener = listener;
        _options = options;
        _observer = service.Observer;
        _time = _session.TimeProvider;
        _startedAt = Instant.Now(_time);
        _startedOn = _time.GetUtcNow();
        _expected = new ExpectedTasks(service, options);
        _dispatcher = new CallbackDispatcher(service, gate, _expected, options.TakesAll, options.TakesAll ? _startedAt + options.Timeout : null);
    }

    /// <inheritdoc/>
    public ChannelReader<Outcome<TaskReference, KlingVideoTask>> Results => _results.Reader;

    /// <summary>How many attempts found by <see cref="ReceiveOptions.TakesLost"/> had no callback. They do not come out: the command that lost their answers has reported them.</summary>
    public int StillLost => Volatile.Read(ref _stillLost);

    /// <summary>How many unsigned callbacks were about tasks that are unknown here.</summary>
    public int Ignored => _dispatcher.Ignored;

    /// <summary>Begins to process what the listener admits.</summary>
    /// <param name="service">The service; its observer hears about callbacks that could not be used.</param>
    /// <param name="listener">The listener; stopped together with the receiver.</param>
    /// <param name="options">What to receive, and for how long.</param>
    public static CallbackReceiver Start(KlingService service, CallbackListener listener, ReceiveOptions options)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(listener);
        ArgumentNullException.ThrowIfNull(options);
        return Start(service, listener.Gate, listener, options);
    }

    /// <summary>Begins to process what a gate admits, however it gets there.</summary>
    internal static CallbackReceiver Start(KlingService service, CallbackGate gate, IDisposable listener, ReceiveOptions options)
    {
        var receiver = new CallbackReceiver(service, gate, listener, options);
        if (options is { TakesAll: true, Timeout: TimeSpan timeout })
        {
            _ = receiver.StopListeningAsync(timeout);
        }

        Task listening = receiver.GuardAsync(receiver.ListenAsync);
        _ = receiver.GuardAsync(() => receiver.ForwardAsync(listening));
        return receiver;
    }

    /// <inheritdoc/>
    public Task PostAsync(TaskReference item, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        if (!_expected.IsClosed)
        {
            _expected.Add(item);
        }
        else if (Interlocked.Exchange(ref _hasRefused, 1) == 0)
        {
            _observer?.OnWarning($"As many tasks as were asked for have come out: {item} and those after it are not waited for here.");
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Complete()
    {
        if (!_options.TakesAll)
        {
            _ = GuardAsync(CompleteAsync);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _expected.Dispose();
    }

    /// <summary>Does a part of the work in the background.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever ends the work is passed on to the reader of the results.")]
    private async Task GuardAsync(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Nobody reads the results any more.
            _results.Writer.TryComplete();
        }
        catch (Exception exception)
        {
            _results.Writer.TryComplete(exception);
        }
    }

    private async Task CompleteAsync()
    {
        if (_options.TakesLost)
        {
            await AddLostAsync().ConfigureAwait(false);
        }

        _expected.Complete();
    }

    /// <summary>A command upstream reports an attempt whose answer was lost and passes nothing on; only the callback can reveal its task.</summary>
    private async Task AddLostAsync()
    {
        IReadOnlyList<KlingVideoTask> attempts = await _session.Ledger.Tasks.ListAsync(
            new TaskFilter { Account = _session.Account, States = [KlingTaskState.Unknown, KlingTaskState.Submitting], Since = SinceStart(), IsOwnAttempt = true },
            _stop.Token).ConfigureAwait(false);
        foreach (KlingVideoTask attempt in attempts.Where(attempt => attempt.CallbackUri is not null))
        {
            _expected.AddLost(attempt);
        }
    }

    /// <summary>The earliest time that a record made since the start may have, whichever way the clock has been set in the meantime.</summary>
    private DateTimeOffset SinceStart()
    {
        DateTimeOffset byElapsedTime = _time.GetUtcNow() - (Instant.Now(_time) - _startedAt);
        return byElapsedTime < _startedOn ? byElapsedTime : _startedOn;
    }

    private async Task StopListeningAsync(TimeSpan timeout)
    {
        long start = _time.GetTimestamp();
        while (!_stop.IsCancellationRequested && timeout - _time.GetElapsedTime(start) is var left && left > TimeSpan.Zero)
        {
            // Whole milliseconds, rounded up: rounding down would make the last one a busy wait.
            double milliseconds = Math.Min(Math.Ceiling(left.TotalMilliseconds), s_longestTimer.TotalMilliseconds);
            await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _listener.Dispose();
        _gate.Complete();
    }

    private async Task ListenAsync()
    {
        await _dispatcher.RunAsync(
            (taskId, exception) => _results.Writer.TryWrite(new(new TaskReference { TaskId = taskId }, null, exception)),
            _stop.Token).ConfigureAwait(false);
        if (_options.TakesAll)
        {
            _expected.Complete();
        }
    }

    private async Task ForwardAsync(Task listening)
    {
        try
        {
            await ForwardResultsAsync().ConfigureAwait(false);
            await DrainAsync(listening).ConfigureAwait(false);
            _results.Writer.TryComplete();
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>Hands out results until there are no more, or as many as were asked for.</summary>
    private async Task ForwardResultsAsync()
    {
        int count = 0;
        await foreach (Outcome<TaskReference, KlingVideoTask> outcome in _expected.Results.ReadAllAsync(_stop.Token).ConfigureAwait(false))
        {
            if (_expected.IsStillLost(outcome))
            {
                Interlocked.Increment(ref _stillLost);
                continue;
            }

            bool isLast = outcome.Value is not null && ++count == _options.Count;
            if (isLast)
            {
                _expected.Close();
            }

            _results.Writer.TryWrite(outcome);
            if ((outcome.Value ?? outcome.Item.Task)?.Id is long id)
            {
                _dispatcher.OnFinished(id);
            }

            if (isLast)
            {
                return;
            }
        }
    }

    /// <summary>Makes sure that the ledger learns of every callback that was answered: the service does not send it again.</summary>
    private async Task DrainAsync(Task listening)
    {
        _expected.Close();
        _listener.Dispose();
        _gate.Complete();
        Task limit = Task.Delay(s_longestDrain, _time, _stop.Token);
        await Task.WhenAny(Task.WhenAll(listening, _dispatcher.RefreshUnfinishedAsync(_stop.Token)), limit).ConfigureAwait(false);
    }
}
