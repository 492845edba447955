using System.Text;
using System.Text.Json;
using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Wire;

/// <summary>Reads and validates the body of a create request in the service's order, with its codes and messages.</summary>
internal static class CreateParser
{
    /// <returns>The request, or the response that refuses it.</returns>
    internal static (CreateRequest? Request, ApiResponse? Error) Parse(string text)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text);
        }
        catch (JsonException)
        {
            return (null, ApiResponse.Error(400, "The request body is not valid JSON"));
        }

        using (document)
        {
            try
            {
                return (Read(document.RootElement, text), null);
            }
            catch (Invalid invalid)
            {
                return (null, ApiResponse.Error(invalid.Code, invalid.Message));
            }
        }
    }

    private static CreateRequest Read(JsonElement body, string text)
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
            body.TryGetProperty("input", out JsonElement input) && input.ValueKind == JsonValueKind.Object,
            500,
            ServiceMessages.FieldRequired);

        string prompt = ReadRequired(input, "prompt");
        Require(prompt.Length <= rules.MaxPrompt, 500, ServiceMessages.TextTooLong);

        Uri image = ReadImage(ReadRequired(input, "image_url"), "image_url");

        // The vendor's own example sends this field empty; every other empty field is refused.
        string? tail = rules.TakesTailImage ? ReadText(input, "tail_image_url") : null;
        Uri? tailImage = string.IsNullOrEmpty(tail) ? null : ReadImage(tail, "tail_image_url");

        string duration = ReadText(input, "duration") ?? "5";
        Require(duration is "5" or "10", 500, ServiceMessages.OutsideOptions("duration"));

        string? negative = ReadText(input, "negative_prompt");
        Require(negative != "", 500, ServiceMessages.OutsideOptions("negative_prompt"));
        Require(negative is null || negative.Length <= rules.MaxNegativePrompt, 500, ServiceMessages.TextTooLong);

        if (IsPresent(input, "cfg_scale", out JsonElement scale))
        {
            Require(scale.ValueKind == JsonValueKind.Number, 422, "cfg_scale must be a number");
            Require(scale.GetDouble() is >= 0 and <= 1, 500, ServiceMessages.OutsideOptions("cfg_scale"));
        }

        return new CreateRequest
        {
            Model = model,
            Prompt = prompt,
            ImageUri = image,
            TailImageUri = tailImage,
            Duration = duration == "5" ? 5 : 10,
            Credits = duration == "5" ? rules.Credits : 2 * rules.Credits,
            Param = WriteParam(model, callback, input),
            Body = text,
            Callback = callback is null ? null : new Uri(callback),
        };
    }

    private static string WriteParam(string model, string? callback, JsonElement input)
    {
        ReadOnlyMemory<byte> inner = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            foreach (JsonProperty property in input.EnumerateObject())
            {
                property.WriteTo(writer);
            }

            if (!input.TryGetProperty("duration", out _))
            {
                writer.WriteString("duration", "5");
            }

            if (!input.TryGetProperty("cfg_scale", out _))
            {
                writer.WriteNumber("cfg_scale", 0.5);
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

    private static string ReadRequired(JsonElement input, string field)
    {
        string? value = ReadText(input, field);
        Require(!string.IsNullOrWhiteSpace(value), 500, ServiceMessages.FieldRequired);
        return value!;
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

    private static Uri ReadImage(string value, string field)
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
