namespace KlingPS.Core.Waiting;

/// <summary>How long and how often to look.</summary>
public sealed record WaitOptions
{
    /// <summary>How long to wait for a task from the moment it is posted; without end when it is left out.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>A fixed time between two looks at a task; planned from experience when it is left out.</summary>
    public TimeSpan? PollingInterval { get; init; }

    /// <summary>Whether callbacks say when to look, see <see cref="TaskWaiter.Announce"/>.</summary>
    public CallbackUse Callbacks { get; init; }
}
