namespace KlingPS.Core.Saving;

/// <summary>A file in a <see cref="Sidecar"/>.</summary>
public sealed record SidecarFile
{
    /// <summary>The full path.</summary>
    public string? Path { get; init; }

    /// <summary>The address the service fetched it from.</summary>
    public string? Uri { get; init; }

    /// <summary>The SHA-256 of its content, in lower-case hex.</summary>
    public string? Sha256 { get; init; }
}
