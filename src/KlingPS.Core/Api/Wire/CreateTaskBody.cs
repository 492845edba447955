using System.Globalization;
using System.Text.Json.Serialization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Api.Wire;

/// <summary>The body of <c>createTask</c>. Optional fields are left out rather than sent empty: some models refuse empty ones.</summary>
internal sealed record CreateTaskBody
{
    [JsonPropertyName("model")]
    public required string Model { get; init; }

    [JsonPropertyName("callBackUrl")]
    public string? CallBackUrl { get; init; }

    [JsonPropertyName("input")]
    public required CreateTaskInput Input { get; init; }

    public static CreateTaskBody From(VideoSpec spec) => new()
    {
        Model = spec.Model,
        CallBackUrl = spec.CallbackUri,
        Input = new CreateTaskInput
        {
            Prompt = spec.Prompt ?? string.Empty,
            ImageUrl = spec.Image?.Uri ?? string.Empty,
            TailImageUrl = spec.TailImage?.Uri,
            // A string on the wire: a number is refused with 422.
            Duration = spec.Duration?.ToString(CultureInfo.InvariantCulture),
            NegativePrompt = spec.NegativePrompt,
            CfgScale = spec.CfgScale,
        },
    };
}
