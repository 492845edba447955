using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;

namespace KlingPS.Core.Gallery.Page;

/// <summary>
/// The page of a gallery without its videos: markup, style and script, which are separate files beside this class, and the content
/// policy that lets this style and this script run and nothing else.
/// </summary>
internal static class PageTemplate
{
    /// <summary>In the order in which they are joined; all of them share one scope.</summary>
    private static readonly string[] s_scripts = ["data.js", "kept.js", "choices.js", "players.js", "cards.js", "grid.js", "large.js", "compare.js", "keys.js"];

    /// <summary>What a page of this module begins with, after its document type; see <see cref="GalleryFile.MarkOf"/> for what follows.</summary>
    internal const string Mark = "<!-- KlingPS gallery ";

    private static readonly string s_style = Read("page.css");

    private static readonly string s_script = "(() => {\n'use strict';\n" + string.Concat(s_scripts.Select(Read)) + "})();\n";

    private static readonly string[] s_pieces = Read("page.html").Split("{{");

    /// <summary>
    /// What the page may load: its own style and script, known by their hashes, and images and videos from its own place. There is
    /// no way for a script to send anything to anybody. A page opened from a disk has no origin that 'self' could mean: Chromium takes it to mean
    /// all files, Firefox none, so files are named as well.
    /// </summary>
    internal static string Policy { get; } =
        $"default-src 'none'; script-src {Hash(s_script)}; style-src {Hash(s_style)}; img-src 'self' file:; media-src 'self' file:; base-uri 'none'; form-action 'none'";

    /// <summary>Writes a page.</summary>
    /// <param name="page">Where it is written to.</param>
    /// <param name="gallery">Which gallery it is, for the first line.</param>
    /// <param name="title">The title, as people read it.</param>
    /// <param name="sums">One line with the figures of the page; a page without script shows it as it is.</param>
    /// <param name="cards">Writes the cards: one <c>li</c> for each video.</param>
    /// <param name="data">Writes the data: JSON in which no <c>&lt;</c> occurs.</param>
    public static void Write(TextWriter page, string gallery, string title, string sums, Action<TextWriter> cards, Action<TextWriter> data)
    {
        ArgumentNullException.ThrowIfNull(page);
        page.Write(s_pieces[0]);
        foreach (string piece in s_pieces.AsSpan(1))
        {
            int end = piece.IndexOf("}}", StringComparison.Ordinal);
            switch (piece[..end])
            {
                case "policy": page.Write(HtmlEncoder.Default.Encode(Policy)); break;
                case "gallery": page.Write(HtmlEncoder.Default.Encode(gallery)); break;
                case "title": page.Write(HtmlEncoder.Default.Encode(title)); break;
                case "sums": page.Write(HtmlEncoder.Default.Encode(sums)); break;
                case "style": page.Write(s_style); break;
                case "script": page.Write(s_script); break;
                case "cards": cards(page); break;
                case "data": data(page); break;
                default: throw new InvalidOperationException($"The page has no {piece[..end]}.");
            }

            page.Write(piece.AsSpan(end + 2));
        }
    }

    private static string Hash(string text) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'";

    private static string Read(string name)
    {
        using Stream stream = typeof(PageTemplate).Assembly.GetManifestResourceStream($"Gallery/{name}")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);

        // This way a checkout with other line ends makes the same page.
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
