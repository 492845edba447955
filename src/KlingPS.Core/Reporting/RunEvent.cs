using KlingPS.Core.Model;

namespace KlingPS.Core.Reporting;

/// <summary>What happens in a run.</summary>
internal enum RunEventKind
{
    /// <summary>It is known what is to be done for an image.</summary>
    Planned,

    /// <summary>The service has accepted a task.</summary>
    Submitted,

    /// <summary>A task has moved on.</summary>
    State,

    /// <summary>A video has come to this machine.</summary>
    Downloaded,

    /// <summary>It is whole, and has its name.</summary>
    Verified,

    /// <summary>The user was warned.</summary>
    Warned,

    /// <summary>Something went wrong.</summary>
    Failed,
}

/// <summary>Something that has happened in a run.</summary>
/// <param name="Kind">What.</param>
internal sealed record RunEvent(RunEventKind Kind)
{
    /// <summary>The image, or what the video is called.</summary>
    public string? Subject { get; init; }

    /// <summary>The task.</summary>
    public KlingVideoTask? Task { get; init; }

    /// <summary>The local id of the task, where it is all that is known of it.</summary>
    public long? TaskNumber { get; init; }

    /// <summary>What is to be done: <c>Buy</c>, <c>Wait</c> or <c>Download</c>.</summary>
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
