using System.Diagnostics.CodeAnalysis;

namespace KlingPS.Core.Model;

/// <summary>How much is kept of texts that come from outside.</summary>
internal static class ReceivedText
{
    /// <summary>The longest sentence of the service that is kept, in characters.</summary>
    public const int MaxMessageLength = 1000;

    /// <summary>The longest code of a failure that is kept; it is a number or a word.</summary>
    public const int MaxCodeLength = 64;

    /// <summary>The beginning of a text that is too long, with a mark where it was cut; never half of a character.</summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">How many characters are kept.</param>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Cut(string? text, int longest)
    {
        if (text is null || text.Length <= longest)
        {
            return text;
        }

        int end = char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest;
        return text[..end] + "…";
    }
}
