namespace KlingPS.Core.Waiting;

/// <summary>How long to wait and how often to poll.</summary>
internal sealed record WaitOptions
{
    /// <summary>How long to wait for a task from the moment it comes in; without limit when it is left out.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>A fixed time between two polls of a task; learned from how long tasks take when it is left out.</summary>
    public TimeSpan? PollingInterval { get; init; }
}
