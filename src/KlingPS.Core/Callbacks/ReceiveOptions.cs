namespace KlingPS.Core.Callbacks;

/// <summary>What to receive callbacks for, and for how long.</summary>
public sealed record ReceiveOptions
{
    /// <summary>How long to wait for a task from the moment it is posted, and to listen when <see cref="TakesAll"/>; without end when it is left out.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How many tasks to hand out at most.</summary>
    public int? Count { get; init; }

    /// <summary>Whether a task is looked at when its callback should have come and did not.</summary>
    public bool IsPolling { get; init; } = true;

    /// <summary>A fixed time between two such looks; planned from experience when it is left out.</summary>
    public TimeSpan? PollingInterval { get; init; }

    /// <summary>Whether every task that is called back for is handed out, or only what is posted.</summary>
    public bool TakesAll { get; init; }

    /// <summary>
    /// Whether attempts of the account that this process has begun since, and whose answers were lost, are waited for as well when no
    /// more tasks come: for <see cref="Timeout"/>, or without one until their callbacks are as good as missed. What stays lost does not
    /// come out: the command of this process that lost the answer has reported it. Nothing is known of that in other processes, which
    /// may have been killed, so their attempts are left alone.
    /// </summary>
    public bool TakesLost { get; init; }
}
