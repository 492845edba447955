namespace KlingPS.Core.Saving;

/// <summary>Where videos go and what they are called.</summary>
internal sealed record SaveOptions
{
    /// <summary>The full path of the folder; created when it is missing.</summary>
    public required string Destination { get; init; }

    /// <summary>Makes the names.</summary>
    public NameTemplate Template { get; init; } = NameTemplate.Default;

    /// <summary>Whether files that exist are replaced.</summary>
    public bool Overwrite { get; init; }
}
