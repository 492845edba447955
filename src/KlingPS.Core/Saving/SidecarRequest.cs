namespace KlingPS.Core.Saving;

/// <summary>What was asked for, in a <see cref="Sidecar"/>.</summary>
public sealed record SidecarRequest
{
    /// <summary>The model's id.</summary>
    public required string Model { get; init; }

    /// <summary>What happens in the video.</summary>
    public required string? Prompt { get; init; }

    /// <summary>What should not be seen.</summary>
    public required string? NegativePrompt { get; init; }

    /// <summary>The length in seconds.</summary>
    public required int Duration { get; init; }

    /// <summary>How closely the prompt is followed; <see langword="null"/> when the service's default was left in force.</summary>
    public required decimal? CfgScale { get; init; }

    /// <summary>Which of several deliberate variants it is.</summary>
    public required int Take { get; init; }
}
