namespace KlingPS.Core.Callbacks;

/// <summary>Which callbacks to wait for, and for how long.</summary>
internal sealed record ReceiveOptions
{
    /// <summary>How long to wait for a task from the moment it is posted, and how long to listen when <see cref="TakesAll"/> is set; forever if it is left out.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The most tasks to hand out.</summary>
    public int? Count { get; init; }

    /// <summary>Whether a task is polled when its callback is overdue.</summary>
    public bool IsPolling { get; init; } = true;

    /// <summary>A fixed time between two such polls; if it is left out, it is learned from how long tasks take.</summary>
    public TimeSpan? PollingInterval { get; init; }

    /// <summary>Whether to hand out every task that a callback comes for, rather than only those that are posted.</summary>
    public bool TakesAll { get; init; }

    /// <summary>
    /// Whether to wait, once no more tasks come, also for the account's attempts that this process has begun since then and whose answers
    /// were lost: for <see cref="Timeout"/> or, without one, until their callbacks count as missed. What stays lost does not come out:
    /// the command of this process that lost the answer has reported it. Other processes may have been killed before they reported
    /// theirs, so their attempts are left alone.
    /// </summary>
    public bool TakesLost { get; init; }
}
