using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Waiting;

/// <summary>Waits for tasks as a part of the pipeline, and hands out each as it finishes.</summary>
internal sealed class WaitStage : IPipelineStage<TaskReference, Outcome<TaskReference, KlingVideoTask>>
{
    private const int MaxConcurrentSearches = 16;

    /// <summary>How long a task is fresh: whatever has become of it since it was accepted, the service can tell.</summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromMinutes(1);

    private readonly KlingSession _session;
    private readonly TaskWaiter _waiter;
    private readonly TaskFinder _finder;
    private readonly RetryPolicy _searchPolicy;
    private readonly TimeSpan? _timeout;
    private readonly SemaphoreSlim _searches = new(MaxConcurrentSearches);
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Outcome<TaskReference, KlingVideoTask>> _results = Channel.CreateUnbounded<Outcome<TaskReference, KlingVideoTask>>();

    /// <summary>How many tasks have not come out, plus one while more may be posted.</summary>
    private int _open = 1;
    private int _isComplete;

    /// <summary>Creates the stage. Nothing runs until there is something to wait for.</summary>
    public WaitStage(KlingService service, WaitOptions options)
        : this(service, new TaskWaiter(service, (options ?? throw new ArgumentNullException(nameof(options))).PollingInterval), options.Timeout)
    {
    }

    /// <summary>Creates the stage over a waiter, which belongs to it from now on.</summary>
    internal WaitStage(KlingService service, TaskWaiter waiter, TimeSpan? timeout)
    {
        ArgumentNullException.ThrowIfNull(service);
        _session = service.Session;
        _waiter = waiter;
        _finder = new TaskFinder(service);
        _searchPolicy = new RetryPolicy(new RetryOptions { Backoff = Backoff.Every(PollLimits.Soon) }, _session.TimeProvider);
        _timeout = timeout;
    }

    /// <inheritdoc/>
    public ChannelReader<Outcome<TaskReference, KlingVideoTask>> Results => _results.Reader;

    /// <inheritdoc/>
    public Task PostAsync(TaskReference item, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        Post(item, Instant.Now(_session.TimeProvider) + _timeout, IsFresh(item.Task));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Complete()
    {
        if (Interlocked.Exchange(ref _isComplete, 1) == 0)
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _waiter.Dispose();
        _results.Writer.TryComplete(new OperationCanceledException(_stop.Token));
    }

    /// <summary>Waits for a task until its own deadline.</summary>
    /// <param name="item">The task.</param>
    /// <param name="deadline">The deadline.</param>
    /// <param name="isCurrent">Whether <see cref="TaskReference.Task"/> need not be read from the ledger.</param>
    internal void Post(TaskReference item, Instant? deadline, bool isCurrent)
    {
        Interlocked.Increment(ref _open);
        _ = HandOutAsync(item, deadline, isCurrent);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ends the wait ends the stage and is passed on to its reader.")]
    private async Task HandOutAsync(TaskReference item, Instant? deadline, bool isCurrent)
    {
        try
        {
            _results.Writer.TryWrite(await WaitAsync(item, deadline, isCurrent).ConfigureAwait(false));
            Leave();
        }
        catch (Exception exception)
        {
            _results.Writer.TryComplete(exception);
        }
    }

    private async Task<Outcome<TaskReference, KlingVideoTask>> WaitAsync(TaskReference item, Instant? deadline, bool isCurrent)
    {
        try
        {
            KlingVideoTask task = isCurrent ? item.Task! : await FindInTimeAsync(item, deadline).ConfigureAwait(false);
            return WaitOutcomes.From(item, await _waiter.WaitUntilAsync(task, deadline, _stop.Token).ConfigureAwait(false), _timeout);
        }
#pragma warning disable CA1031 // What goes wrong with one task is the error of that task alone.
        catch (Exception exception) when (!UnexpectedError.IsStop(exception, _stop.Token))
#pragma warning restore CA1031
        {
            return new(item, null, UnexpectedError.From(exception, item.ToString()));
        }
    }

    private bool IsFresh(KlingVideoTask? task)
        => task is { TaskId: not null }
            && task.TaskState.IsPending()
            && _session.Has(task)
            && _session.TimeProvider.GetUtcNow() - task.StartedAt() is TimeSpan age
            && age >= TimeSpan.Zero
            && age < s_fresh;

    /// <summary>Finds a task as it is now, within the time there is to wait for it.</summary>
    private async Task<KlingVideoTask> FindInTimeAsync(TaskReference item, Instant? deadline)
    {
        using var limit = new Deadline(_session.TimeProvider, deadline is Instant end ? PollLimits.EndOfLastLook(end, _session.TimeProvider) - Instant.Now(_session.TimeProvider) : null);
        return await limit.RunAsync(token => FindAsync(item, deadline, token), () => WaitOutcomes.CreateTimeout(item, _timeout), _stop.Token).ConfigureAwait(false);
    }

    /// <summary>Finds a task as it is now. A service that has answered before may be away for a while.</summary>
    private Task<KlingVideoTask> FindAsync(TaskReference item, Instant? deadline, CancellationToken cancellationToken)
    {
        var start = Instant.Now(_session.TimeProvider);
        return _searchPolicy.RunAsync<KlingVideoTask>(
            async _ =>
            {
                try
                {
                    return await SearchAsync(item, cancellationToken).ConfigureAwait(false);
                }
                catch (KlingException exception) when (_waiter.Outage.Tolerates(exception, start))
                {
                    // That was the last look.
                    return deadline <= Instant.Now(_session.TimeProvider) ? throw WaitOutcomes.CreateTimeout(item, _timeout) : new Retry(exception);
                }
            },
            cancellationToken);
    }

    private async Task<KlingVideoTask> SearchAsync(TaskReference item, CancellationToken cancellationToken)
    {
        // The ledger is not read on the thread that posts.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await _searches.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _finder.FindAsync(item, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _searches.Release();
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _open) == 0)
        {
            _results.Writer.TryComplete();
        }
    }
}
