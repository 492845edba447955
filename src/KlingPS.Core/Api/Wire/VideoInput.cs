using System.Globalization;
using System.Text.Json;
using KlingPS.Core.Model;

namespace KlingPS.Core.Api.Wire;

/// <summary>The <c>input</c> of a video: written into a create request, and read where the service repeats it. Field by field as the model's row says.</summary>
internal static class VideoInput
{
    /// <summary>Writes the fields that have a value. Others are left out rather than sent empty: some models refuse empty ones.</summary>
    /// <exception cref="InvalidOperationException">The model does not take all that is asked for, or an image has not been uploaded.</exception>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: a text is damaged; see <see cref="PromptText"/>.</exception>
    public static void Write(Utf8JsonWriter writer, VideoSpec spec)
    {
        ModelSpec model = ModelCatalog.Get(spec.Model);
        if (model.FindUnsupported(spec) is string problem)
        {
            throw new InvalidOperationException(problem);
        }

        writer.WriteStartObject();
        foreach (RequestField field in model.Fields)
        {
            switch (field.Parameter)
            {
                case VideoParameter.Prompt:
                    WriteText(writer, field, Spell(spec.Prompt));
                    break;
                case VideoParameter.NegativePrompt:
                    WriteText(writer, field, Spell(spec.NegativePrompt));
                    break;
                case VideoParameter.Duration:
                    // A string on the wire: a number is refused with 422.
                    WriteText(writer, field, spec.Duration?.ToString(CultureInfo.InvariantCulture));
                    break;
                case VideoParameter.CfgScale when spec.CfgScale is decimal scale:
                    writer.WriteNumber(field.Name, scale);
                    break;
                case VideoParameter.Image:
                    WriteText(writer, field, GetUri(spec.Image));
                    break;
                case VideoParameter.TailImage:
                    WriteText(writer, field, GetUri(spec.TailImage));
                    break;
            }
        }

        writer.WriteEndObject();
    }

    /// <summary>Reads what the service repeats.</summary>
    /// <param name="input">The <c>input</c>, an object.</param>
    /// <param name="model">The model's id.</param>
    public static VideoSpec Read(JsonElement input, string model)
    {
        var spec = new VideoSpec { Model = model, Prompt = string.Empty };
        // Where something was sent that the model ignores, as earlier versions did, the service repeats it all the same.
        foreach (RequestField field in ModelCatalog.Get(model).Fields.Concat(ModelCatalog.Default.Fields).DistinctBy(field => field.Parameter))
        {
            string? text = input.Text(field.Name);
            spec = field.Parameter switch
            {
                VideoParameter.Prompt => spec with { Prompt = text ?? string.Empty },
                VideoParameter.NegativePrompt => spec with { NegativePrompt = text },
                VideoParameter.Duration => spec with { Duration = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) ? seconds : null },
                VideoParameter.CfgScale => spec with { CfgScale = input.Number(field.Name, 0, 1) },
                VideoParameter.Image => spec with { Image = text is null ? null : MediaSource.FromUri(text) },
                VideoParameter.TailImage => spec with { TailImage = text is null ? null : MediaSource.FromUri(text) },
                _ => spec,
            };
        }

        return spec;
    }

    private static void WriteText(Utf8JsonWriter writer, RequestField field, string? text)
    {
        if (text is not null)
        {
            writer.WriteString(field.Name, text);
        }
    }

    private static string? Spell(string? text) => text is not null && PromptText.Parse(text) is { Value.Length: > 0 } spelled ? spelled.Value : null;

    /// <summary>Where the service is to fetch an image from.</summary>
    /// <exception cref="InvalidOperationException">It has not been uploaded.</exception>
    private static string? GetUri(MediaSource? image)
        => image is null ? null : image.Uri ?? throw new InvalidOperationException($"'{image.Path}' has not been uploaded, so the service cannot fetch it.");
}
