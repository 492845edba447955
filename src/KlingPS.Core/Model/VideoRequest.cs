namespace KlingPS.Core.Model;

/// <summary>The parameters of one video, as the create request carries them. What is <see langword="null"/> is left out of the request.</summary>
public sealed record VideoRequest
{
    /// <summary>The model's id.</summary>
    public string Model { get; init; } = KlingModel.Default;

    /// <summary>What happens in the video: 1 to 2500 characters.</summary>
    public required string Prompt { get; init; }

    /// <summary>The address of the image the video starts with; the service fetches it from there.</summary>
    public required string ImageUri { get; init; }

    /// <summary>The address of the image the video ends with.</summary>
    public string? TailImageUri { get; init; }

    /// <summary>The length in seconds, 5 or 10; the service makes 5 when it is left out.</summary>
    public int? Duration { get; init; }

    /// <summary>What should not be seen: at most 2496 characters.</summary>
    public string? NegativePrompt { get; init; }

    /// <summary>How closely the prompt is followed: 0 to 1 in steps of 0.1; the service takes 0.5 when it is left out.</summary>
    public decimal? CfgScale { get; init; }

    /// <summary>Where the service posts the result.</summary>
    public string? CallbackUri { get; init; }
}
