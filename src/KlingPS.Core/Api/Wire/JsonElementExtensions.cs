using System.Globalization;
using System.Text.Json;

namespace KlingPS.Core.Api.Wire;

/// <summary>Reads fields leniently: the service's types differ between its pages, its versions and its routes.</summary>
internal static class JsonElementExtensions
{
    /// <summary>The first moment that is no time any more: some room before the last one there is, to reckon in.</summary>
    private const decimal EndOfTime = 253_370_764_800_000m;

    /// <summary>A field of an object, or an undefined element.</summary>
    public static JsonElement Field(this JsonElement element, string name)
    {
        try
        {
            return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) ? value : default;
        }
        catch (InvalidOperationException)
        {
            // An escape in some field's name is half of a character.
            return default;
        }
    }

    /// <summary>A text or a number as text; <see langword="null"/> for anything else and for empty text.</summary>
    public static string? Text(this JsonElement element, string name)
    {
        JsonElement value = element.Field(name);
        string? text = value.ValueKind switch
        {
            JsonValueKind.String => value.Content(),
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        };
        return string.IsNullOrEmpty(text) ? null : text;
    }

    /// <summary>A number, also one that is written as text.</summary>
    public static decimal? Number(this JsonElement element, string name)
        => decimal.TryParse(element.Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number) ? number : null;

    /// <summary>The same within a range; what is outside is not what its name says, and counts as missing.</summary>
    public static decimal? Number(this JsonElement element, string name, decimal least, decimal most)
        => element.Number(name) is decimal number && number >= least && number <= most ? number : null;

    /// <summary>A time in milliseconds since 1970; <see langword="null"/> when it is missing, 0, or no time.</summary>
    public static DateTimeOffset? UnixMilliseconds(this JsonElement element, string name)
        => element.Number(name) is decimal number && number > 0 && number < EndOfTime
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)number)
            : null;

    /// <summary>An object or array that may have been packed into a string of JSON, once or twice.</summary>
    public static JsonElement Unpacked(this JsonElement element, string name)
    {
        JsonElement value = element.Field(name);
        while (value.ValueKind == JsonValueKind.String)
        {
            try
            {
                using var document = JsonDocument.Parse(value.Content() ?? string.Empty);
                value = document.RootElement.Clone();
            }
            catch (JsonException)
            {
                return default;
            }
        }

        return value;
    }

    /// <summary>What a string says; <see langword="null"/> when an escape in it is half of a character.</summary>
    public static string? Content(this JsonElement element)
    {
        try
        {
            return element.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
