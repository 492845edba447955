using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Api;

/// <summary>How a <see cref="KlingClient"/> behaves.</summary>
internal sealed record KlingClientOptions
{
    /// <summary>The least time that a create request is given. Long, because a create whose answer is lost may be paid for.</summary>
    public static readonly TimeSpan LeastCreateTimeout = TimeSpan.FromSeconds(120);

    /// <summary>The time that any other request is given unless the user sets it.</summary>
    public static readonly TimeSpan DefaultRequestTimeout = TimeSpan.FromSeconds(60);

    /// <summary>How long a create request may go unanswered.</summary>
    public TimeSpan CreateTimeout { get; init; } = LeastCreateTimeout;

    /// <summary>How long any other request may go unanswered; for an upload, how long it may stand still.</summary>
    public TimeSpan RequestTimeout { get; init; } = DefaultRequestTimeout;

    /// <summary>How many attempts a read or an upload is given; at least 1.</summary>
    public int MaxAttempts { get; init; } = 5;

    /// <summary>Keeps status queries within what the service allows.</summary>
    public IRateGate? QueryGate { get; init; }

    /// <summary>Notified of every request.</summary>
    public IRequestObserver? Observer { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
