namespace KlingPS.Core.Pipeline;

/// <summary>A file in a <see cref="VideoProof"/>.</summary>
public sealed record VideoProofFile
{
    /// <summary>The full path.</summary>
    public string? Path { get; init; }

    /// <summary>The address the service fetched it from.</summary>
    public string? Uri { get; init; }

    /// <summary>The SHA-256 of its content, in lower-case hex.</summary>
    public string? Sha256 { get; init; }
}
