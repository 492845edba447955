using System.Globalization;
using System.Text;
using System.Text.Json;
using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Wire;

/// <summary>Reads and validates the body of a create request in the service's order, with its codes and messages.</summary>
internal static class CreateParser
{
    /// <summary>The length of a clip that cannot be read.</summary>
    private const decimal UsualSeconds = 5;

    /// <summary>Reads a request.</summary>
    /// <param name="text">The body.</param>
    /// <param name="findSeconds">Tells how long a clip is, if that is known.</param>
    /// <returns>The request, or the response that refuses it.</returns>
    internal static (CreateRequest? Request, ApiResponse? Error) Parse(string text, Func<Uri, decimal?> findSeconds)
    {
        JsonDocument document;
        try
        {
            document = ServiceJson.Parse(Encoding.UTF8.GetBytes(text));
        }
        catch (InvalidDataException exception)
        {
            return (null, ApiResponse.Error(400, exception.Message));
        }

        using (document)
        {
            try
            {
                return (Read(document.RootElement, text, findSeconds), null);
            }
            catch (Invalid invalid)
            {
                return (null, ApiResponse.Error(invalid.Code, invalid.Message));
            }
        }
    }

    private static CreateRequest Read(JsonElement body, string text, Func<Uri, decimal?> findSeconds)
    {
        Require(body.ValueKind == JsonValueKind.Object, 400, "The request body is not a JSON object");
        if (!body.TryGetProperty("model", out JsonElement name)
            || name.ValueKind != JsonValueKind.String
            || !ModelRules.All.TryGetValue(name.GetString()!, out ModelRules? rules))
        {
            throw new Invalid(422, ServiceMessages.UnsupportedModel);
        }

        string model = name.GetString()!;
        string? callback = ReadText(body, "callBackUrl");
        Require(callback is null || IsWebUri(callback), 422, "callBackUrl is not a valid URL");
        Require(
            body.TryGetProperty("input", out JsonElement json) && json.ValueKind == JsonValueKind.Object,
            500,
            ServiceMessages.FieldRequired);

        var input = new CreateInput();
        foreach (FieldRule field in rules.Fields)
        {
            ReadField(json, field, input);
        }

        string? unknown = json.EnumerateObject().Select(property => property.Name).FirstOrDefault(property => rules.Fields.All(field => field.Name != property));
        Require(!rules.RefusesUnknownFields || unknown is null, 422, $"{unknown} is not a known field");
        Require(rules.FindConflict(input) is null, 500, rules.FindConflict(input) ?? string.Empty);
        int duration = GetDuration(rules, input, findSeconds);
        return new CreateRequest
        {
            Model = model,
            Prompt = input.Find("prompt") ?? string.Empty,
            Files = input.Files,
            Duration = duration,
            Credits = rules.CreditsPerSecond(input) * duration,
            Param = WriteParam(model, callback, json, rules),
            Body = text,
            Callback = callback is null ? null : new Uri(callback),
        };
    }

    /// <summary>The length of the video in seconds; a part of a second counts as a whole one.</summary>
    private static int GetDuration(ModelRules rules, CreateInput input, Func<Uri, decimal?> findSeconds)
    {
        foreach ((_, Uri uri) in input.Files.Where(file => file.Kind != FileKind.Image))
        {
            Require(
                findSeconds(uri) is not decimal seconds || (seconds >= rules.ClipSeconds.Least && seconds <= rules.ClipSeconds.Most),
                500,
                "The length of the clip is not within the allowed range");
        }

        // Files on other hosts are trusted to be of the usual length: the sandbox never leaves the machine.
        return rules.LengthField is null ? int.Parse(input.Find("duration")!, CultureInfo.InvariantCulture)
            : (int)decimal.Ceiling(findSeconds(input.FindFile(rules.LengthField)!) ?? UsualSeconds);
    }

    private static void ReadField(JsonElement json, FieldRule field, CreateInput input)
    {
        if (!IsPresent(json, field.Name, out JsonElement value))
        {
            Require(!field.IsRequired, 500, ServiceMessages.FieldRequired);
            if (field.Default is not null)
            {
                input.Set(field.Name, ToText(field.Default));
            }

            return;
        }

        switch (field.Type)
        {
            case FieldType.Text or FieldType.Option:
                string text = ReadText(json, field.Name)!;
                Require(!field.IsRequired || field.Type == FieldType.Option || !string.IsNullOrWhiteSpace(text), 500, ServiceMessages.FieldRequired);
                Require(text.Length > 0 && (field.Type == FieldType.Text || field.Options.Contains(text)), 500, ServiceMessages.OutsideOptions(field.Name));
                Require(text.Length <= field.MaxLength, 500, ServiceMessages.TextTooLong);
                input.Set(field.Name, text);
                break;
            case FieldType.Integer or FieldType.Number:
                bool isInteger = field.Type == FieldType.Integer;
                Require(
                    value.ValueKind == JsonValueKind.Number && (!isInteger || value.TryGetInt32(out _)),
                    422,
                    $"{field.Name} must be {(isInteger ? "an integer" : "a number")}");
                Require(value.GetDouble() >= (double)field.Least && value.GetDouble() <= (double)field.Most, 500, ServiceMessages.OutsideOptions(field.Name));
                input.Set(field.Name, value.GetRawText());
                break;
            case FieldType.Flag:
                Require(value.ValueKind is JsonValueKind.True or JsonValueKind.False, 422, $"{field.Name} must be a boolean");
                input.Set(field.Name, ToText(value.GetBoolean()));
                break;
            case FieldType.Address:
                string address = ReadText(json, field.Name)!;
                if (address.Length > 0 || !field.MayBeEmpty)
                {
                    Require(address.Length > 0 || !field.IsRequired, 500, ServiceMessages.FieldRequired);
                    input.SetFiles(field, [ReadFile(address, field.Name)]);
                }

                break;
            case FieldType.Addresses:
                JsonElement[] items = ReadItems(value, field);
                Require(items.All(item => item.ValueKind == JsonValueKind.String), 422, $"{field.Name} must be an array of strings");
                input.SetFiles(field, [.. items.Select(item => ReadFile(item.GetString()!, field.Name))]);
                break;
            case FieldType.Shots:
                foreach (JsonElement shot in ReadItems(value, field))
                {
                    Require(
                        shot.ValueKind == JsonValueKind.Object && ReadText(shot, "prompt") is { Length: > 0 } prompt && prompt.Length <= field.MaxLength
                            && shot.TryGetProperty("duration", out JsonElement seconds) && seconds.ValueKind == JsonValueKind.Number
                            && seconds.TryGetInt32(out int count) && count is >= 1 and <= 12,
                        500,
                        ServiceMessages.OutsideOptions(field.Name));
                }

                break;
            case FieldType.Items:
                ReadItems(value, field);
                break;
        }
    }

    private static JsonElement[] ReadItems(JsonElement value, FieldRule field)
    {
        Require(value.ValueKind == JsonValueKind.Array, 422, $"{field.Name} must be an array");
        Require(value.GetArrayLength() > 0 || !field.IsRequired, 500, ServiceMessages.FieldRequired);
        Require(value.GetArrayLength() >= field.Least && value.GetArrayLength() <= field.Most, 500, ServiceMessages.OutsideOptions(field.Name));
        return [.. value.EnumerateArray()];
    }

    private static string ToText(object value) => value is bool flag ? (flag ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture)!;

    private static string WriteParam(string model, string? callback, JsonElement input, ModelRules rules)
    {
        ReadOnlyMemory<byte> inner = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            foreach (JsonProperty property in input.EnumerateObject())
            {
                property.WriteTo(writer);
            }

            foreach (FieldRule field in rules.Fields.Where(field => field.Default is not null && !input.TryGetProperty(field.Name, out _)))
            {
                writer.WritePropertyName(field.Name);
                if (field.Default is string text)
                {
                    writer.WriteStringValue(text);
                }
                else
                {
                    writer.WriteRawValue(ToText(field.Default!));
                }
            }

            writer.WriteEndObject();
        });
        ReadOnlyMemory<byte> outer = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("input", inner.Span);
            writer.WriteString("model", model);
            if (callback is not null)
            {
                writer.WriteString("callBackUrl", callback);
            }

            writer.WriteEndObject();
        });
        return Encoding.UTF8.GetString(outer.Span);
    }

    private static string? ReadText(JsonElement parent, string field)
    {
        if (!IsPresent(parent, field, out JsonElement value))
        {
            return null;
        }

        Require(value.ValueKind == JsonValueKind.String, 422, $"{field} must be a string");
        return value.GetString();
    }

    private static bool IsPresent(JsonElement parent, string field, out JsonElement value) =>
        parent.TryGetProperty(field, out value) && value.ValueKind != JsonValueKind.Null;

    private static Uri ReadFile(string value, string field)
    {
        Require(IsWebUri(value), 422, $"{field} is not a valid URL");
        return new Uri(value);
    }

    private static bool IsWebUri(string value) =>
        Uri.TryCreate(value, UriKind.Absolute, out Uri? uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps);

    private static void Require(bool condition, int code, string message)
    {
        if (!condition)
        {
            throw new Invalid(code, message);
        }
    }

    /// <summary>Stops at the first thing that is wrong; never leaves this class.</summary>
    private sealed class Invalid(int code, string message) : Exception(message)
    {
        internal int Code { get; } = code;
    }
}
