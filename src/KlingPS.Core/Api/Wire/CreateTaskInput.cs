using System.Text.Json.Serialization;

namespace KlingPS.Core.Api.Wire;

/// <summary>The <c>input</c> of <c>createTask</c>.</summary>
internal sealed record CreateTaskInput
{
    [JsonPropertyName("prompt")]
    public required string Prompt { get; init; }

    [JsonPropertyName("image_url")]
    public required string ImageUrl { get; init; }

    [JsonPropertyName("tail_image_url")]
    public string? TailImageUrl { get; init; }

    [JsonPropertyName("duration")]
    public string? Duration { get; init; }

    [JsonPropertyName("negative_prompt")]
    public string? NegativePrompt { get; init; }

    [JsonPropertyName("cfg_scale")]
    public decimal? CfgScale { get; init; }
}
