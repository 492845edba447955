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

    public static CreateTaskBody From(VideoRequest request) => new()
    {
        Model = request.Model,
        CallBackUrl = request.CallbackUri,
        Input = new CreateTaskInput
        {
            Prompt = request.Prompt,
            ImageUrl = request.ImageUri,
            TailImageUrl = request.TailImageUri,
            // A string on the wire: a number is refused with 422.
            Duration = request.Duration?.ToString(CultureInfo.InvariantCulture),
            NegativePrompt = request.NegativePrompt,
            CfgScale = request.CfgScale,
        },
    };
}
