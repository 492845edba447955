namespace KlingPS.Sandbox;

/// <summary>What clients have done and spent up to the moment the bill was made. It never changes afterwards.</summary>
internal sealed record SandboxBill
{
    /// <summary>Create requests that arrived.</summary>
    public required int CreatesReceived { get; init; }

    /// <summary>Create requests that became a task, whether or not the client saw the response.</summary>
    public required int CreatesAccepted { get; init; }

    /// <summary>Create requests that were answered with an error code.</summary>
    public required int CreatesRefused { get; init; }

    /// <summary>The refused create requests by code.</summary>
    public required IReadOnlyDictionary<int, int> Refusals { get; init; }

    /// <summary>Create requests refused because they came too fast (code 429).</summary>
    public required int RateRefusals { get; init; }

    /// <summary>Task queries that arrived.</summary>
    public required int Queries { get; init; }

    /// <summary>Task queries answered with an error code.</summary>
    public required int QueriesRefused { get; init; }

    /// <summary>Callbacks that were delivered: answered with a 2xx status.</summary>
    public required int CallbacksDelivered { get; init; }

    /// <summary>Attempts to deliver a callback that got another status, or no response within 15 seconds.</summary>
    public required int CallbacksRefused { get; init; }

    /// <summary>Files stored by the upload routes.</summary>
    public required int Uploads { get; init; }

    /// <summary>Their total size.</summary>
    public required long UploadedBytes { get; init; }

    /// <summary>Requests at the download host.</summary>
    public required int Downloads { get; init; }

    /// <summary>Bytes of files sent by the download host.</summary>
    public required long DownloadedBytes { get; init; }

    /// <summary>Requests at the download host that carried an Authorization header, or the key anywhere in the URL or headers. Must be 0.</summary>
    public required int KeyLeaks { get; init; }

    /// <summary>Credits of tasks that succeeded.</summary>
    public required decimal CreditsSpent { get; init; }

    /// <summary>Credits of tasks that are still running.</summary>
    public required decimal CreditsHeld { get; init; }

    /// <summary>The balance, with the held credits already deducted.</summary>
    public required decimal CreditsLeft { get; init; }

    /// <summary>The accepted tasks in order of creation.</summary>
    public required IReadOnlyList<SandboxTask> Tasks { get; init; }

    /// <summary>Accepted tasks per image, identified by SHA-256 if it was uploaded here, else by its URI, else by the prompt. More than 1 means that the image was paid for twice, unless that was intended.</summary>
    public required IReadOnlyDictionary<string, int> TasksPerImage { get; init; }

    /// <summary>The last 10,000 requests in order of their responses.</summary>
    public required IReadOnlyList<SandboxRequest> Requests { get; init; }
}
