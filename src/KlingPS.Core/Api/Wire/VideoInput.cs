using System.Globalization;
using System.Text.Json;
using KlingPS.Core.Model;

namespace KlingPS.Core.Api.Wire;

/// <summary>The <c>input</c> of a video: written into a create request, and read where the service repeats it, field by field as the model's row says.</summary>
internal static class VideoInput
{
    /// <summary>Writes the fields that have a value. Others are left out rather than sent empty: some models refuse empty ones.</summary>
    /// <exception cref="InvalidOperationException">The model does not take everything that is asked for, or something has not been uploaded.</exception>
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
            switch (field.Form)
            {
                case FieldForm.List:
                    WriteList(writer, field, [.. GetUris(spec, field.Parameter), .. GetUris(spec, field.Follower)]);
                    break;
                case FieldForm.Flag when field.IsAlwaysSent || spec.Sound:
                    writer.WriteBoolean(field.Name, field.Parameter == VideoParameter.Sound && spec.Sound);
                    break;
                case FieldForm.Number when GetText(model, field, spec) is string number:
                    writer.WritePropertyName(field.Name);
                    writer.WriteRawValue(number);
                    break;
                case FieldForm.Text when field.Spell(GetText(model, field, spec)) is string text:
                    writer.WriteString(field.Name, text);
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
        ModelSpec row = ModelCatalog.Get(model);
        var spec = new VideoSpec { Model = model, Prompt = null };

        // The service repeats even what the model ignores, which earlier versions sent.
        foreach (RequestField field in row.Fields.Concat(ModelCatalog.Default.Fields.Where(field => !row.Takes(field.Parameter!.Value))))
        {
            spec = field.Form == FieldForm.List ? ReadList(spec, field, input) : ReadValue(spec, field, input);
        }

        return spec;
    }

    private static VideoSpec ReadValue(VideoSpec spec, RequestField field, JsonElement input)
    {
        string? text = field.Read(input.Text(field.Name));
        return field.Parameter switch
        {
            VideoParameter.Prompt => spec with { Prompt = text ?? (ModelCatalog.Get(spec.Model).IsPromptOptional ? null : string.Empty) },
            VideoParameter.NegativePrompt => spec with { NegativePrompt = text },
            VideoParameter.Duration => spec with { Duration = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) ? seconds : null },
            VideoParameter.AspectRatio => spec with { AspectRatio = text },
            VideoParameter.Resolution => spec with { Resolution = VideoResolution.Normalize(text) },
            VideoParameter.Sound => spec with { Sound = input.Field(field.Name).ValueKind == JsonValueKind.True },
            VideoParameter.CfgScale => spec with { CfgScale = input.Number(field.Name, 0, 1) },
            VideoParameter.CharacterOrientation => spec with { CharacterOrientation = text },
            VideoParameter.Image => spec with { Image = ToSource(text) },
            VideoParameter.TailImage => spec with { TailImage = ToSource(text) },
            VideoParameter.Audio => spec with { Audio = ToSource(text) },
            _ => spec,
        };
    }

    private static VideoSpec ReadList(VideoSpec spec, RequestField field, JsonElement input)
    {
        JsonElement list = input.Field(field.Name);
        MediaSource[] sources = list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => ToSource(item.Content())).OfType<MediaSource>()]
            : [];
        if (field.Parameter == VideoParameter.Video)
        {
            return spec with { Video = sources.FirstOrDefault() };
        }

        spec = spec with { Image = sources.FirstOrDefault() };
        return field.Follower switch
        {
            VideoParameter.TailImage => spec with { TailImage = sources.ElementAtOrDefault(1) },
            VideoParameter.ReferenceImages => spec with { ReferenceImages = new(sources.Skip(1)) },
            _ => spec,
        };
    }

    /// <summary>An upload of this module is its content, so that a task which was looked up by its id is known as the video of its image.</summary>
    private static MediaSource? ToSource(string? uri) => string.IsNullOrEmpty(uri) ? null : MediaSource.FromUri(uri) with { Hash = ServiceAddress.FindContent(uri) };

    /// <summary>The value of a field as text; <see langword="null"/> if the field is left out.</summary>
    private static string? GetText(ModelSpec model, RequestField field, VideoSpec spec) => field.Parameter switch
    {
        VideoParameter.Prompt => Spell(spec.Prompt),
        VideoParameter.NegativePrompt => Spell(spec.NegativePrompt),
        VideoParameter.Duration => (field.IsAlwaysSent ? spec.Seconds : spec.Duration)?.ToString(CultureInfo.InvariantCulture),
        VideoParameter.AspectRatio => field.IsAlwaysSent ? model.GetAspectRatio(spec) : spec.AspectRatio,
        VideoParameter.Resolution => field.IsAlwaysSent ? model.GetResolution(spec) : spec.Resolution,
        VideoParameter.CfgScale => spec.CfgScale?.ToString(CultureInfo.InvariantCulture),
        VideoParameter.CharacterOrientation => spec.CharacterOrientation ?? (field.IsAlwaysSent ? CharacterOrientations.Default : null),
        VideoParameter parameter => GetUris(spec, parameter).FirstOrDefault(),
        null => null,
    };

    private static void WriteList(Utf8JsonWriter writer, RequestField field, string[] uris)
    {
        if (uris.Length > 0)
        {
            writer.WriteStartArray(field.Name);
            foreach (string uri in uris)
            {
                writer.WriteStringValue(uri);
            }

            writer.WriteEndArray();
        }
    }

    private static string? Spell(string? text) => text is not null && PromptText.Parse(text) is { Length: > 0 } spelled ? spelled : null;

    /// <summary>Where the service fetches what the video is made from.</summary>
    /// <exception cref="InvalidOperationException">It has not been uploaded.</exception>
    private static IEnumerable<string> GetUris(VideoSpec spec, VideoParameter? parameter)
        => spec.Sources.Where(source => source.Parameter == parameter).Select(source
            => source.Source.Uri ?? throw new InvalidOperationException($"'{source.Source.Path}' has not been uploaded, so the service cannot fetch it."));
}
