using System.Buffers;
using System.Globalization;
using System.Text;

namespace KlingPS.Core.Saving;

/// <summary>
/// Makes names that every file system accepts, so that videos made on one machine can be copied to any other.
/// </summary>
internal static class SafeName
{
    /// <summary>The longest name of a folder, in UTF-8 bytes: the limit of common Linux file systems, the lowest of all.</summary>
    public const int MaximumFolderBytes = 255;

    /// <summary>The longest name of a file, in UTF-8 bytes: leaves room for the <c>.partial.json</c> that a download appends.</summary>
    public const int MaximumFileBytes = 242;

    private const int MaximumExtensionLength = 6;

    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    private static readonly SearchValues<char> s_letters = SearchValues.Create(Letters);
    private static readonly SearchValues<char> s_lettersAndDigits = SearchValues.Create(Letters + "0123456789");

    private static readonly HashSet<string> s_devices = new(
        [
            "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$",
            .. "0123456789¹²³".SelectMany(digit => new[] { $"COM{digit}", $"LPT{digit}" }),
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>Letters and signs that are invisible, apart from those that Unicode calls format characters.</summary>
    private static readonly HashSet<int> s_blanks = [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0];

    /// <summary>
    /// Makes one segment of a path: never empty, without separators and other characters Windows refuses, without characters that
    /// are invisible or change the direction of others, without dots and spaces at its end, not a Windows device, without a
    /// leading <c>~</c> or dash, which shells and commands interpret, in Unicode's form C, and short enough. Idempotent.
    /// </summary>
    /// <param name="text">Any text.</param>
    /// <param name="extension">An extension (see <see cref="ExtensionOf"/>) that is kept whole, or nothing.</param>
    /// <param name="maximumBytes">The limit of the segment in UTF-8 bytes, extension included.</param>
    public static string Make(string text, string extension, int maximumBytes)
    {
        int maximum = maximumBytes - extension.Length;
        string composed = Ascii.IsValid(text) ? text : string.Concat(Replace(text, IsNotUnicode).EnumerateRunes().Where(IsVisible)).Normalize(NormalizationForm.FormC);
        char[] characters = TrimStart(Replace(composed, IsIllegal)).TrimEnd().ToCharArray();
        if (characters is ['~', ..])
        {
            characters[0] = '_';
        }

        string name = Shorten(new string(characters), maximum);
        if (name.Length == 0)
        {
            name = "_";
        }

        if (IsDevice(name))
        {
            name = Shorten("_" + name, maximum);
        }

        return name + extension;
    }

    /// <summary>Cuts a text to a number of UTF-8 bytes, between two characters, and trims dots and white space from its end.</summary>
    public static string Shorten(string text, int maximumBytes)
    {
        int length = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            maximumBytes -= rune.Utf8SequenceLength;
            if (maximumBytes < 0)
            {
                break;
            }

            length += rune.Utf16SequenceLength;
        }

        while (length > 0 && (text[length - 1] == '.' || char.IsWhiteSpace(text[length - 1])))
        {
            length--;
        }

        return text[..length];
    }

    /// <summary>
    /// The extension of a name, with its dot: up to five ASCII letters and digits, at least one of them a letter, so that "take 2.5"
    /// has no extension. Empty if there is none.
    /// </summary>
    public static string ExtensionOf(string name)
    {
        int dot = name.LastIndexOf('.');
        ReadOnlySpan<char> extension = dot < 0 ? default : name.AsSpan(dot);
        return extension.Length is > 1 and <= MaximumExtensionLength
            && !extension[1..].ContainsAnyExcept(s_lettersAndDigits)
            && extension.ContainsAny(s_letters)
            ? extension.ToString()
            : string.Empty;
    }

    /// <summary>Whether Windows takes a name for a device, whatever its extension.</summary>
    public static bool IsDevice(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return s_devices.Contains(name.Split('.')[0].TrimEnd());
    }

    private static bool IsVisible(Rune rune) => Rune.GetUnicodeCategory(rune) != UnicodeCategory.Format && !s_blanks.Contains(rune.Value);

    /// <summary>The text without white space at its beginning, or any of the four dashes that begin a parameter in PowerShell.</summary>
    private static string TrimStart(string text)
    {
        int start = 0;
        while (start < text.Length && (text[start] is '-' or '\u2013' or '\u2014' or '\u2015' || char.IsWhiteSpace(text[start])))
        {
            start++;
        }

        return text[start..];
    }

    private static string Replace(string text, Func<string, int, bool> isBad) =>
        string.Create(text.Length, (text, isBad), static (result, state) =>
        {
            for (int i = 0; i < result.Length; i++)
            {
                result[i] = state.isBad(state.text, i) ? '_' : state.text[i];
            }
        });

    /// <summary>Half a surrogate pair, or a value that is not a character: something that cannot be normalized or written as UTF-8.</summary>
    private static bool IsNotUnicode(string text, int index) =>
        text[index] is '\uFFFE' or '\uFFFF'
        || (char.IsHighSurrogate(text[index]) && !(index + 1 < text.Length && char.IsLowSurrogate(text[index + 1])))
        || (char.IsLowSurrogate(text[index]) && !(index > 0 && char.IsHighSurrogate(text[index - 1])));

    private static bool IsIllegal(string text, int index) =>
        text[index] is '<' or '>' or ':' or '"' or '/' or '\\' or '|' or '?' or '*' or '\u2028' or '\u2029' || char.IsControl(text[index]);
}
