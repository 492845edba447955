using System.Globalization;
using System.Text.Json;

namespace KlingPS.Core.Files;

/// <summary>Describes what is wrong with a JSON file that another program wrote: where to look, not how a parser works.</summary>
internal static class JsonDamage
{
    /// <summary>Says what is wrong, as a clause without its subject: <c>is damaged or cut off (line 38)</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cause">What the parser says.</param>
    public static string Describe(string text, Exception cause)
        => string.IsNullOrWhiteSpace(text) ? "is empty"
            : cause is JsonException { LineNumber: long line } ? string.Create(CultureInfo.InvariantCulture, $"is damaged or cut off (line {line + 1})")
            : "is damaged";
}
