namespace KlingPS.Core.Callbacks;

/// <summary>Which callbacks to wait for, and how long.</summary>
internal sealed record ReceiveOptions
{
    /// <summary>How long to wait for a task from the moment it is posted, and how long to listen when <see cref="TakesAll"/> is set; without end when it is left out.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How many tasks to hand out at most.</summary>
    public int? Count { get; init; }

    /// <summary>Whether a task is polled when its callback is overdue.</summary>
    public bool IsPolling { get; init; } = true;

    /// <summary>A fixed time between two such polls; learned from how long tasks take when it is left out.</summary>
    public TimeSpan? PollingInterval { get; init; }

    /// <summary>Whether every task that a callback comes for is handed out, or only what is posted.</summary>
    public bool TakesAll { get; init; }

    /// <summary>
    /// Whether to wait, once no more tasks come, also for attempts of the account that this process has begun since and whose answers
    /// were lost: for <see cref="Timeout"/>, or without one until their callbacks count as missed. What stays lost does not come out:
    /// the command of this process that lost the answer has reported it. Other processes may have been killed before they reported
    /// theirs, so their attempts are left alone.
    /// </summary>
    public bool TakesLost { get; init; }
}
