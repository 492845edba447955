namespace KlingPS.Core.Model;

/// <summary>What the service says about a task at one moment: the <c>data</c> of <c>recordInfo</c>, and of a callback.</summary>
/// <remarks>It holds only what is possible: anything else that the service says counts as not said, and its texts are cut to a length.</remarks>
internal sealed record TaskSnapshot
{
    private readonly string _taskId = string.Empty;
    private readonly string? _failCode;
    private readonly string? _failMessage;
    private readonly decimal? _creditsConsumed;

    /// <summary>The service's id of the task; opaque.</summary>
    /// <exception cref="ArgumentException">It cannot be an id; see <see cref="ServiceTaskId"/>.</exception>
    public required string TaskId
    {
        get => _taskId;
        init => _taskId = ServiceTaskId.IsValid(value) ? value : throw new ArgumentException("This cannot be the id of a task.", nameof(value));
    }

    /// <summary>Where the task stands. An unrecognized state counts as <see cref="KlingTaskState.Waiting"/>.</summary>
    public required KlingTaskState State { get; init; }

    /// <summary>Whether the service names a state that there is, as opposed to none or one that is not recognized.</summary>
    public bool NamesState { get; init; } = true;

    /// <summary>Whether the service says nothing at all, although it reports success. Some routes do so for a task that they do not know.</summary>
    public bool IsEmpty { get; init; }

    /// <summary>The links to the finished videos that may be followed; empty until the end, and sometimes for a moment after it.</summary>
    public IReadOnlyList<string> ResultUris { get; init; } = [];

    /// <summary>Why the links that the service gives are not in <see cref="ResultUris"/>, as a clause; <see langword="null"/> if it gives none, or one that is.</summary>
    public string? LinkProblem { get; init; }

    /// <summary>The code of a failed task, such as 400, 422, 500 or 501, or a word.</summary>
    public string? FailCode
    {
        get => _failCode;
        init => _failCode = ReceivedText.Cut(value, ReceivedText.MaxCodeLength);
    }

    /// <summary>Why the task failed, as the service puts it.</summary>
    public string? FailMessage
    {
        get => _failMessage;
        init => _failMessage = ReceivedText.Cut(value, ReceivedText.MaxMessageLength);
    }

    /// <summary>When the service accepted the task.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When the task ended.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>Credits: reserved while the task runs, spent when it has succeeded, 0 when it has failed. Always a <see cref="VideoPrice"/>.</summary>
    public decimal? CreditsConsumed
    {
        get => _creditsConsumed;
        init => _creditsConsumed = VideoPrice.From(value);
    }

    /// <summary>What was asked for, if the response repeats it.</summary>
    public VideoSpec? Spec { get; init; }

    /// <summary>
    /// The <see cref="KlingVideoTask.Reversals"/> of the task that were known when the service was asked. If there are more by now, somebody has heard
    /// meanwhile that it failed, or that it is being made again, and this answer may be older than theirs.
    /// </summary>
    public int SeenReversals { get; init; }

    /// <summary>The same, knowing what was recorded of the task before the service was asked.</summary>
    /// <param name="before">The task; <see langword="null"/> if it was not recorded.</param>
    public TaskSnapshot After(KlingVideoTask? before) => this with { SeenReversals = before?.Reversals ?? 0 };

    /// <summary>Whether the service tells more than that it was asked. Some routes say "success" without data for a task that they do not know.</summary>
    public bool ShowsTask => Spec is not null || CreatedAt is not null || ResultUris.Count > 0 || State != KlingTaskState.Waiting;
}
