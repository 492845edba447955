namespace KlingPS.Core.Model;

/// <summary>What the service says of a task at one moment: the <c>data</c> of <c>recordInfo</c>, and of a callback.</summary>
internal sealed record TaskSnapshot
{
    /// <summary>The service's id of the task; opaque.</summary>
    public required string TaskId { get; init; }

    /// <summary>Where the task stands. An unrecognized state counts as <see cref="KlingTaskState.Waiting"/>.</summary>
    public required KlingTaskState State { get; init; }

    /// <summary>The links to the finished videos; empty until the end, and sometimes for a moment after it.</summary>
    public IReadOnlyList<string> ResultUris { get; init; } = [];

    /// <summary>The code of a failed task, such as 400, 422, 500 or 501, or a word.</summary>
    public string? FailCode { get; init; }

    /// <summary>Why the task failed, as the service puts it.</summary>
    public string? FailMessage { get; init; }

    /// <summary>When the service accepted the task.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When the task ended.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>Credits: reserved while the task runs, spent when it has succeeded, 0 when it has failed.</summary>
    public decimal? CreditsConsumed { get; init; }

    /// <summary>What was asked for, where the response repeats it.</summary>
    public VideoSpec? Spec { get; init; }
}
