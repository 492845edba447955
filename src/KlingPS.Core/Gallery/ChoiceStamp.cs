using System.Globalization;
using System.Text.RegularExpressions;

namespace KlingPS.Core.Gallery;

/// <summary>
/// What the page writes at the end of each line of a table: when the video was chosen, or that it had not been chosen when the table was saved; and a
/// checksum of what the line says, which shows whether somebody has changed the line.
/// </summary>
/// <param name="Time">When the video was chosen, or else when the table was saved.</param>
/// <param name="Since">See <see cref="GalleryChoice.NotBefore"/>.</param>
/// <param name="IsChosen">Whether it had been chosen.</param>
/// <param name="Checksum">See <see cref="ChecksumOf"/>.</param>
internal sealed partial record ChoiceStamp(DateTimeOffset Time, DateTimeOffset Since, bool IsChosen, uint Checksum)
{
    /// <summary>The stamp of a choice; <see langword="null"/> if it is not known exactly enough when it was made.</summary>
    /// <param name="choice">The choice.</param>
    /// <param name="now">When the stamp is made.</param>
    public static ChoiceStamp? Of(GalleryChoice choice, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(choice);
        return choice is { IsDated: true, At: DateTimeOffset at } ? new ChoiceStamp(at, choice.NotBefore ?? at, IsChosen: true, ChecksumOf(choice))
            : choice is { At: null, SaysSomething: false } ? new ChoiceStamp(now, now, IsChosen: false, ChecksumOf(choice))
            : null;
    }

    /// <summary>The stamp as it is written.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{(IsChosen ? string.Empty : "unchosen ")}{Time.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}{(Since < Time ? $" since {Since.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}" : string.Empty)} {Checksum:x8}");

    /// <summary>Reads a stamp.</summary>
    /// <returns><see langword="null"/> if a text is not one.</returns>
    public static ChoiceStamp? TryRead(string? text)
        => Form().Match(text?.Trim() ?? string.Empty) is { Success: true } match
            && TimeOf(match.Groups["time"]) is DateTimeOffset time
            ? new ChoiceStamp(time, TimeOf(match.Groups["since"]) is DateTimeOffset since && since < time ? since : time, match.Groups["unchosen"].Length == 0, uint.Parse(match.Groups["sum"].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))
            : null;

    /// <summary>Says when a line was chosen. A line that was edited was edited between its stamp and the last time the file was written.</summary>
    /// <param name="said">What the line says.</param>
    /// <param name="written">When the file was last written.</param>
    public GalleryChoice Date(GalleryChoice said, DateTimeOffset? written)
    {
        ArgumentNullException.ThrowIfNull(said);
        return Checksum != ChecksumOf(said) ? said with { At = written > Time ? written : Time, NotBefore = Since }
            : IsChosen ? said with { At = Time, NotBefore = Since, IsDated = true }
            : said;
    }

    /// <summary>The checksum of what a line says: FNV-1a of its words, as the page computes it.</summary>
    public static uint ChecksumOf(GalleryChoice said)
    {
        ArgumentNullException.ThrowIfNull(said);
        string decision = said.Decision == Decision.None ? string.Empty : said.Decision.ToString();
        string text = FormattableString.Invariant($"{decision}|{said.Rating}|{said.Note.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n').Trim()}");
        return text.Aggregate(0x811C9DC5u, (sum, c) => unchecked((sum ^ c) * 0x01000193u));
    }

    private static DateTimeOffset? TimeOf(Group text)
        => DateTimeOffset.TryParse(text.ValueSpan, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? time : null;

    [GeneratedRegex(@"^(?<unchosen>unchosen )?(?<time>\d{4}-\d\d-\d\dT[0-9:.]+Z)( since (?<since>\d{4}-\d\d-\d\dT[0-9:.]+Z))? (?<sum>[0-9a-f]{8})$", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
