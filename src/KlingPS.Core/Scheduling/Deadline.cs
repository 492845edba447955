namespace KlingPS.Core.Scheduling;

/// <summary>
/// The moment at which a command gives up, by the monotonic clock: made once from its timeout, and handed down to everything that waits.
/// Safe for concurrent use.
/// </summary>
internal sealed class Deadline : IDisposable
{
    /// <summary>
    /// How long to keep waiting for work that cannot be broken off, such as a purchase whose request has left. It continues in the
    /// background after that.
    /// </summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>A timer cannot run for more than 49 days.</summary>
    private static readonly TimeSpan s_longestTimer = TimeSpan.FromDays(1);

    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _over = new();
    private readonly CancellationTokenSource _abandoned = new();
    private readonly ITimer? _timer;
    private int _isDisposed;

    /// <summary>Creates a deadline, which begins to run now.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="timeout">How far away it is, 0 or more; <see langword="null"/> if it never comes.</param>
    public Deadline(TimeProvider time, TimeSpan? timeout)
    {
        _time = time;
        Timeout = timeout < TimeSpan.Zero ? TimeSpan.Zero : timeout;
        At = Timeout is TimeSpan length ? Instant.Now(time) + length : Instant.Never;
        if (timeout is not null)
        {
            // Not a limit of a token source: those tell the tests' clock that a request is under way.
            _timer = time.CreateTimer(static deadline => ((Deadline)deadline!).Ring(), this, System.Threading.Timeout.InfiniteTimeSpan, System.Threading.Timeout.InfiniteTimeSpan);
            Ring();
        }
    }

    /// <summary>How long it was away when it was made; <see langword="null"/> if it never comes.</summary>
    public TimeSpan? Timeout { get; }

    /// <summary>When it comes.</summary>
    public Instant At { get; }

    /// <summary>Whether it has come.</summary>
    public bool IsOver => At <= Instant.Now(_time);

    /// <summary>Cancelled when it comes.</summary>
    public CancellationToken Token => _over.Token;

    /// <summary>Does work for as long as the deadline allows.</summary>
    /// <param name="work">Its token is cancelled at the deadline. What does not end within <see cref="Grace"/> then continues on its own.</param>
    /// <param name="createError">Makes the error of work that was broken off, or continues on its own.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work, Func<KlingException> createError, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        return Timeout is null ? work(cancellationToken) : RunInTimeAsync(work, createError, cancellationToken);
    }

    /// <summary>Makes sure that the deadline never comes.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _timer?.Dispose();
        }
    }

    private async Task<T> RunInTimeAsync<T>(Func<CancellationToken, Task<T>> work, Func<KlingException> createError, CancellationToken cancellationToken)
    {
        Task<T> running = RunLinkedAsync(work, cancellationToken);
        try
        {
            return await running.WaitAsync(_abandoned.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_over.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // What continues on its own reports to nobody.
            _ = running.ContinueWith(ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw createError();
        }
    }

    private async Task<T> RunLinkedAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _over.Token);
        return await work(linked.Token).ConfigureAwait(false);
    }

    /// <summary>Cancels what is due to be, and sets the timer for the rest.</summary>
    private void Ring()
    {
        var now = Instant.Now(_time);
        if (At <= now)
        {
            _over.Cancel();
        }

        if (At + Grace <= now)
        {
            _abandoned.Cancel();
            return;
        }

        // Whole milliseconds, rounded up: rounding down would make the last one a busy wait.
        TimeSpan next = (At > now ? At : At + Grace) - now;
        double milliseconds = Math.Min(Math.Ceiling(next.TotalMilliseconds), s_longestTimer.TotalMilliseconds);
        if (Volatile.Read(ref _isDisposed) == 0)
        {
            _timer!.Change(TimeSpan.FromMilliseconds(milliseconds), System.Threading.Timeout.InfiniteTimeSpan);
        }
    }
}
