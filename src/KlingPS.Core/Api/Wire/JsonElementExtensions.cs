using System.Globalization;
using System.Text.Json;

namespace KlingPS.Core.Api.Wire;

/// <summary>Reads fields leniently: the service's types differ between its pages, its versions and its routes.</summary>
internal static class JsonElementExtensions
{
    /// <summary>How many times JSON may be packed into a string; the service does so twice.</summary>
    private const int MaxPacking = 3;

    /// <summary>The first moment that no longer counts as a time. It leaves some room for calculations before the last possible one.</summary>
    private const decimal EndOfTime = 253_370_764_800_000m;

    /// <summary>
    /// A field of an object, or an undefined element. One that occurs several times with different values says nothing: whichever was
    /// taken, another reader would take the other.
    /// </summary>
    public static JsonElement Field(this JsonElement element, string name)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            return default;
        }

        try
        {
            JsonElement found = default;
            foreach (JsonProperty property in element.EnumerateObject())
            {
                if (!property.NameEquals(name))
                {
                    continue;
                }

                if (found.ValueKind != JsonValueKind.Undefined && found.GetRawText() != property.Value.GetRawText())
                {
                    return default;
                }

                found = property.Value;
            }

            return found;
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

    /// <summary>A number, even if it is written as text.</summary>
    public static decimal? Number(this JsonElement element, string name)
        => decimal.TryParse(element.Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number) ? number : null;

    /// <summary>The same within a range. A value outside it cannot be what its name says, and counts as missing.</summary>
    public static decimal? Number(this JsonElement element, string name, decimal least, decimal most)
        => element.Number(name) is decimal number && number >= least && number <= most ? number : null;

    /// <summary>A whole number, even if it is written as <c>200.0</c> or as text.</summary>
    public static int? Integer(this JsonElement element, string name)
        => element.Number(name, int.MinValue, int.MaxValue) is decimal number && decimal.IsInteger(number) ? (int)number : null;

    /// <summary>Yes or no, even as text; <see langword="null"/> when it is neither.</summary>
    public static bool? Flag(this JsonElement element, string name)
    {
        JsonElement value = element.Field(name);
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => bool.TryParse(element.Text(name), out bool flag) ? flag : null,
        };
    }

    /// <summary>A time in milliseconds since 1970; <see langword="null"/> when it is missing, 0, or not a time.</summary>
    public static DateTimeOffset? UnixMilliseconds(this JsonElement element, string name)
        => element.Number(name) is decimal number && number > 0 && number < EndOfTime
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)number)
            : null;

    /// <summary>An object or array that may have been packed into a string of JSON, once or twice.</summary>
    public static JsonElement Unpacked(this JsonElement element, string name)
    {
        JsonElement value = element.Field(name);
        for (int layers = 0; value.ValueKind == JsonValueKind.String; layers++)
        {
            if (layers == MaxPacking)
            {
                return default;
            }

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
