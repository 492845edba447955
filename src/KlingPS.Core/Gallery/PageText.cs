using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Gallery;

/// <summary>Writes texts into a page, for each of the three languages that it is made of.</summary>
internal static class PageText
{
    /// <summary>For JSON inside a script element: none of its characters can end that element or a line, or change the direction of text.</summary>
    public static readonly JsonWriterOptions Json = new() { Encoder = CreateEncoder(), SkipValidation = true };

    /// <summary>Characters that names on Windows do not contain; with one of the first two, a name would be a path.</summary>
    private static readonly SearchValues<char> s_notInNames = SearchValues.Create("\\:<>\"|?*");

    private static readonly HtmlEncoder s_html = HtmlEncoder.Create(UnicodeRanges.All);

    /// <summary>Writes a text between tags, or as the value of an attribute.</summary>
    /// <param name="output">The page.</param>
    /// <param name="text">Any text.</param>
    public static void WriteHtml(TextWriter output, string text) => s_html.Encode(output, text);

    /// <inheritdoc cref="WriteHtml"/>
    /// <returns>The text as HTML.</returns>
    public static string Html(string text) => s_html.Encode(text);

    /// <summary>The address that a page in a folder uses to link to a file: relative, unless only the full path leads there.</summary>
    /// <param name="folder">The full path of the page's folder.</param>
    /// <param name="path">The full path of the file.</param>
    public static string Link(string folder, string path) => Link(folder, path, OperatingSystem.IsWindows());

    /// <inheritdoc cref="Link(string, string)"/>
    /// <param name="folder">The full path of the page's folder.</param>
    /// <param name="path">The full path of the file.</param>
    /// <param name="isWindows">Whether these are paths of Windows.</param>
    internal static string Link(string folder, string path, bool isWindows)
    {
        (string root, string[] from) = Split(folder, isWindows);
        (string otherRoot, string[] to) = Split(path, isWindows);
        StringComparison comparison = isWindows ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        if (!string.Equals(root, otherRoot, comparison))
        {
            return Absolute(otherRoot, to);
        }

        int shared = 0;
        while (shared < from.Length && shared < to.Length - 1 && string.Equals(from[shared], to[shared], comparison))
        {
            shared++;
        }

        return string.Join('/', Enumerable.Repeat("..", from.Length - shared).Concat(to[shared..].Select(Segment)));
    }

    /// <summary>The path of a file relative to a folder that it is in, with slashes; its full path if it is elsewhere.</summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="path">The full path of the file.</param>
    public static string Shorten(string folder, string path)
    {
        string relative = Path.GetRelativePath(folder, path);
        return Path.IsPathFullyQualified(relative) || relative == ".." || relative.StartsWith(".." + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? path
            : relative.Replace(Path.DirectorySeparatorChar, '/');
    }

    /// <summary>
    /// The path that an address stands for, to be combined with the folder of the page. Anybody may have written the address: it leads into
    /// that folder or below it, as far as its text shows, or nowhere.
    /// </summary>
    /// <param name="link">An address as <see cref="Link(string, string)"/> makes it.</param>
    /// <returns><see langword="null"/> if it leads elsewhere, or is not an address.</returns>
    public static string? FromLink(string link) => FromLink(link, OperatingSystem.IsWindows());

    /// <inheritdoc cref="FromLink(string)"/>
    /// <param name="link">An address.</param>
    /// <param name="isWindows">Whether the result is a path of Windows.</param>
    internal static string? FromLink(string link, bool isWindows)
    {
        ArgumentNullException.ThrowIfNull(link);
        string[] names = [.. link.Split('/').Select(Uri.UnescapeDataString)];
        return !link.Contains(':', StringComparison.Ordinal) && names.All(name => IsName(name, isWindows)) ? string.Join(isWindows ? '\\' : '/', names) : null;
    }

    private static bool IsName(string name, bool isWindows)
        => name is not ("" or "." or "..")
            && !name.AsSpan().ContainsAny('/', '\0')
            && !(isWindows && (name[^1] is ' ' or '.' || name.AsSpan().ContainsAny(s_notInNames) || name.Any(char.IsControl) || SafeName.IsDevice(name)));

    /// <summary>A drive is a segment of the address, and so is the name of a server's share; the server itself is its host.</summary>
    private static string Absolute(string root, string[] names)
        => root.StartsWith(@"\\", StringComparison.Ordinal)
            ? "file://" + string.Join('/', root[2..].Split('\\').Concat(names).Select(Segment))
            : "file:///" + string.Join('/', (root.Length > 0 ? [root] : Array.Empty<string>()).Concat(names.Select(Segment)));

    private static string Segment(string name) => name is "." or ".." ? name : Uri.EscapeDataString(WithoutHalves(name));

    /// <summary>A root without the separator after it, such as <c>C:</c> and <c>\\server\share</c>, and the names below it.</summary>
    private static (string Root, string[] Names) Split(string path, bool isWindows)
    {
        if (!isWindows)
        {
            return (string.Empty, path.Split('/', StringSplitOptions.RemoveEmptyEntries));
        }

        path = path.Replace('/', '\\');
        const string Extended = @"\\?\";
        const string ExtendedShare = @"\\?\UNC\";
        path = path.StartsWith(ExtendedShare, StringComparison.OrdinalIgnoreCase) ? @"\\" + path[ExtendedShare.Length..]
            : path.StartsWith(Extended, StringComparison.Ordinal) ? path[Extended.Length..]
            : path;
        string[] names = path.Split('\\', StringSplitOptions.RemoveEmptyEntries);
        int rootNames = path.StartsWith(@"\\", StringComparison.Ordinal) ? 2 : 1;
        string root = string.Join('\\', names.Take(rootNames));
        return (rootNames == 2 ? @"\\" + root : root, names[Math.Min(rootNames, names.Length)..]);
    }

    private static JavaScriptEncoder CreateEncoder()
    {
        var settings = new TextEncoderSettings(UnicodeRanges.All);
        settings.ForbidCharacters([.. Enumerable.Range(0, char.MaxValue).Select(code => (char)code).Where(c => char.GetUnicodeCategory(c) == UnicodeCategory.Format)]);
        return JavaScriptEncoder.Create(settings);
    }

    private static string WithoutHalves(string name) => string.Concat(name.EnumerateRunes().Select(rune => rune.ToString()));
}
