namespace KlingPS.Parameters;

/// <summary>Knows texts that say nothing, such as an empty cell of a CSV file or a variable that was never set.</summary>
internal static class BlankText
{
    /// <summary>Whether there is no text, or only blanks.</summary>
    public static bool IsAll(string[]? texts) => (texts ?? []).All(string.IsNullOrWhiteSpace);
}
