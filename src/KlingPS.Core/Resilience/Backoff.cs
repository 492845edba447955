namespace KlingPS.Core.Resilience;

/// <summary>
/// How long to wait before an attempt is repeated: exponential, with jitter, so that clients which failed together do not
/// return together. Safe for concurrent use.
/// </summary>
internal sealed class Backoff
{
    private readonly Random _random;

    /// <summary>Creates a backoff.</summary>
    /// <param name="baseDelay">The middle of the first wait. More than zero.</param>
    /// <param name="cap">The longest wait that is chosen here; a <c>Retry-After</c> may ask for more. At least <paramref name="baseDelay"/>.</param>
    /// <param name="random">The source of the jitter; a shared one if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A delay is outside its range.</exception>
    public Backoff(TimeSpan baseDelay, TimeSpan cap, Random? random = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(baseDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(cap, baseDelay);
        BaseDelay = baseDelay;
        Cap = cap;
        _random = random ?? Random.Shared;
    }

    /// <summary>The longest pause that is observed if the service asks for one. A longer one ends the attempts; it is never cut short.</summary>
    public static TimeSpan LongestRetryAfter { get; } = TimeSpan.FromMinutes(10);

    /// <summary>For code 429: the service counts in windows of 10 s and sends no <c>Retry-After</c>, so the first wait is near one window.</summary>
    public static Backoff RateLimited { get; } = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(60));

    /// <summary>For maintenance, server errors and gateway pages.</summary>
    public static Backoff Unavailable { get; } = new(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(30));

    /// <summary>For requests that provably never left: refused connections, failed name resolution.</summary>
    public static Backoff NotSent { get; } = new(TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(5));

    /// <summary>For reads that broke on the way and can be repeated freely.</summary>
    public static Backoff Read { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(15));

    /// <summary>The same wait after every failure, for waits that concern only this machine.</summary>
    /// <param name="delay">The wait. More than zero.</param>
    public static Backoff Every(TimeSpan delay) => new(delay, delay) { HasJitter = false };

    /// <summary>The middle of the first wait.</summary>
    public TimeSpan BaseDelay { get; }

    /// <summary>The longest wait that is chosen here.</summary>
    public TimeSpan Cap { get; }

    private bool HasJitter { get; init; } = true;

    /// <summary>The wait before the next attempt.</summary>
    /// <param name="attempt">How many attempts have failed so far, from 1.</param>
    /// <param name="retryAfter">What the service asked for, if it did. The wait is never shorter, up to 10 minutes.</param>
    /// <returns>
    /// Between half and one and a half times <c>BaseDelay · 2^(attempt − 1)</c>, at most <see cref="Cap"/>; without jitter, exactly that;
    /// if <paramref name="retryAfter"/> is longer, that or a little more.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="attempt"/> is less than 1.</exception>
    public TimeSpan Next(int attempt, TimeSpan? retryAfter = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attempt, 1);

        double middle = Math.Min(BaseDelay.TotalSeconds * Math.Pow(2, attempt - 1), Cap.TotalSeconds);
        double longest = Math.Min(middle * 1.5, Cap.TotalSeconds);
        TimeSpan wait = TimeSpan.FromSeconds(Between(middle / 2, longest));
        if (retryAfter is not { } asked)
        {
            return wait;
        }

        // Everyone who was told the same moment would return at it, so it gets jitter too, but only towards later.
        asked = asked < LongestRetryAfter ? asked : LongestRetryAfter;
        TimeSpan atLeast = asked + TimeSpan.FromSeconds(Between(0, BaseDelay.TotalSeconds / 2));
        return wait > atLeast ? wait : atLeast;
    }

    private double Between(double low, double high)
    {
        if (!HasJitter)
        {
            return high;
        }

        // Only Random.Shared is safe for concurrent use.
        lock (_random)
        {
            return low + (_random.NextDouble() * (high - low));
        }
    }
}
