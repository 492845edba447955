namespace KlingPS.Sandbox;

/// <summary>One accepted task, as of the moment the bill was made.</summary>
public sealed record SandboxTask
{
    /// <summary>The id, 32 hexadecimal digits.</summary>
    public required string TaskId { get; init; }

    /// <summary>The number of the account that has bought it.</summary>
    public required string Account { get; init; }

    /// <summary>The first image the task was made from; null if there was none.</summary>
    public required Uri? ImageUri { get; init; }

    /// <summary>SHA-256 of the image, lower-case hexadecimal, if it was uploaded to this sandbox.</summary>
    public string? ImageSha256 { get; init; }

    /// <summary>The prompt.</summary>
    public required string Prompt { get; init; }

    /// <summary>Length of the video in seconds.</summary>
    public required int Duration { get; init; }

    /// <summary>The model.</summary>
    public required string Model { get; init; }

    /// <summary>The service's word: <c>waiting</c>, <c>generating</c>, <c>success</c> or <c>fail</c>.</summary>
    public required string State { get; init; }

    /// <summary>When the task was accepted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ended; null while it is running.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>Credits held or spent; 0 once it has failed.</summary>
    public required decimal Credits { get; init; }

    /// <summary>How many queries of this task were answered.</summary>
    public required int Queries { get; init; }

    /// <summary>How many callbacks for this task were delivered: answered with a 2xx status.</summary>
    public required int Callbacks { get; init; }

    /// <summary>The JSON text of the create request, as received.</summary>
    public required string Request { get; init; }
}
