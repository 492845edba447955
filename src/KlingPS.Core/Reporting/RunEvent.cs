using KlingPS.Core.Model;

namespace KlingPS.Core.Reporting;

/// <summary>What happens in a run.</summary>
internal enum RunEventKind
{
    /// <summary>What to do for an image has been decided.</summary>
    Planned,

    /// <summary>The service has accepted a task.</summary>
    Submitted,

    /// <summary>A task has moved on.</summary>
    State,

    /// <summary>A video has been downloaded.</summary>
    Downloaded,

    /// <summary>The video is complete and has its name.</summary>
    Verified,

    /// <summary>The user was warned.</summary>
    Warned,

    /// <summary>Something went wrong.</summary>
    Failed,
}

/// <summary>Something that has happened in a run.</summary>
/// <param name="Kind">What has happened.</param>
internal sealed record RunEvent(RunEventKind Kind)
{
    /// <summary>The image, or the name of the video.</summary>
    public string? Subject { get; init; }

    /// <summary>The task.</summary>
    public KlingVideoTask? Task { get; init; }

    /// <summary>The local id of the task, if nothing else is known about it.</summary>
    public long? TaskNumber { get; init; }

    /// <summary>What to do: <c>Buy</c>, <c>Wait</c> or <c>Download</c>.</summary>
    public string? Step { get; init; }

    /// <summary>What it is expected to cost, is set aside for it, or has cost.</summary>
    public decimal? Credits { get; init; }

    /// <summary>The full path of the video.</summary>
    public string? File { get; init; }

    /// <summary>Its length in bytes.</summary>
    public long? Bytes { get; init; }

    /// <summary>Its SHA-256, in lower-case hex.</summary>
    public string? Hash { get; init; }

    /// <summary>The id of the error.</summary>
    public string? ErrorId { get; init; }

    /// <summary>What the user was told.</summary>
    public string? Message { get; init; }
}
