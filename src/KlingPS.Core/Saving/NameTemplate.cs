using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace KlingPS.Core.Saving;

/// <summary>
/// A pattern for the names of videos, such as <c>{Directory}/{BaseName}-{Index:000}.mp4</c>.
/// <para>
/// Tokens are <c>{BaseName}</c> and <c>{Directory}</c> of the image, <c>{Index}</c>, <c>{TaskId}</c>, <c>{Id}</c>,
/// <c>{Date}</c>, <c>{Duration}</c> in seconds and <c>{Take}</c>; upper and lower case are the same. After a colon,
/// numbers and the date take a .NET format (<c>{Index:000}</c>, <c>{Date:yyyy-MM-dd}</c>), always in the invariant
/// culture. <c>{{</c> and <c>}}</c> are braces. A slash of either kind in the template makes a subfolder; one in a
/// token's value never does. Unless the template ends in <c>.mp4</c>, that is appended.
/// </para>
/// <para>
/// Names are safe on every file system: each segment has at most 255 UTF-8 bytes (a file's 242, to leave room for
/// <c>.partial.json</c>), what Windows refuses is replaced by <c>_</c>, and no name leads out of the destination.
/// </para>
/// </summary>
internal sealed class NameTemplate
{
    /// <summary>The default template, as text.</summary>
    public const string DefaultText = "{BaseName}.mp4";
    private const string DefaultExtension = ".mp4";
    private const string DefaultDateFormat = "yyyyMMdd";

    /// <summary>In characters. No longer path can be used anywhere, and each name is made from the template.</summary>
    private const int MaximumLength = 1000;

    /// <summary>The longest value of a token, in characters. A name has room for much less.</summary>
    private const int MaximumValueLength = 4096;

    /// <summary>The most digits a number's format may ask for; .NET itself would fill gigabytes with zeros.</summary>
    private const int MaximumPrecision = 99;

    private static readonly FrozenDictionary<string, Token> s_tokens = new Token[]
    {
        new("BaseName", null, (values, _) => values.BaseName),
        new("Directory", null, (values, _) => values.Directory),
        new("Index", 1, (values, format) => values.Index.ToString(format, CultureInfo.InvariantCulture)),
        new("TaskId", null, (values, _) => values.TaskId),
        new("Id", 1L, (values, format) => values.Id.ToString(format, CultureInfo.InvariantCulture)),
        new("Date", DateTimeOffset.UnixEpoch, (values, format) => TimeZoneInfo.ConvertTime(values.CreatedAt, values.TimeZone)
            .ToString(string.IsNullOrEmpty(format) ? DefaultDateFormat : format, CultureInfo.InvariantCulture)),
        new("Duration", 1, (values, format) => values.Duration?.ToString(format, CultureInfo.InvariantCulture) ?? string.Empty),
        new("Take", 1, (values, format) => values.Take.ToString(format, CultureInfo.InvariantCulture)),
    }.ToFrozenDictionary(token => token.Name, StringComparer.OrdinalIgnoreCase);

    private readonly string _text;
    private readonly IReadOnlyList<IReadOnlyList<Part>> _segments;
    private readonly string _extension;

    private NameTemplate(string text, IReadOnlyList<IReadOnlyList<Part>> segments, string extension)
    {
        _text = text;
        _segments = segments;
        _extension = extension;
        Tokens = segments.SelectMany(segment => segment)
            .Where(part => part.Token is not null)
            .Select(part => part.Token!.Name)
            .ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The default template: <c>{BaseName}.mp4</c>.</summary>
    public static NameTemplate Default { get; } = Parse(DefaultText);

    /// <summary>The names of all tokens, without braces.</summary>
    public static IReadOnlyCollection<string> KnownTokens => s_tokens.Keys;

    /// <summary>The names of the tokens this template has, without braces; upper and lower case are the same.</summary>
    public IReadOnlySet<string> Tokens { get; }

    /// <summary>How many folders are on the way from the destination to a video.</summary>
    public int Depth => _segments.Count - 1;

    /// <summary>Reads a template.</summary>
    /// <param name="text">The template (see <see cref="NameTemplate"/>).</param>
    /// <returns>The template, ready for any number of names.</returns>
    /// <exception cref="KlingException">
    /// The template is empty or has more than 1,000 characters, names an unknown token or an impossible format, has a brace too many or too few, or is
    /// not a relative path of plain segments (<see cref="ErrorKind.RequestInvalid"/>).
    /// </exception>
    public static NameTemplate Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.Trim();
        if (text.Length == 0)
        {
            throw CreateInvalidException("The name template is empty; leave it out to get '" + DefaultText + "'.");
        }

        if (text.Length > MaximumLength)
        {
            throw CreateInvalidException(string.Create(CultureInfo.InvariantCulture, $"The name template has {text.Length:N0} characters, and no path is that long; write one of at most {MaximumLength:N0}."));
        }

        if (text is ['/' or '\\', ..] or [not '{', ':', ..])
        {
            throw CreateInvalidException($"The name template '{text}' begins with a drive or a slash; name the folder with the destination instead.");
        }

        List<List<Part>> segments = Split(text);
        if (segments.Exists(segment => segment.TrueForAll(part => part.Literal.Trim('.', ' ').Length == 0 && part.Token is null)))
        {
            throw CreateInvalidException($"The name template '{text}' has an empty segment or one of dots only; put a name between its slashes.");
        }

        List<Part> file = segments[^1];
        (string stem, string extension) = SplitExtension(file[^1].Literal);
        file[^1] = file[^1] with { Literal = stem };
        return new NameTemplate(text, segments, extension);
    }

    /// <summary>The name that a video would have by these rules if it was named by others, such as those of an earlier version.</summary>
    /// <param name="relative">The name, with <c>/</c> between its segments.</param>
    public static string MakeSafe(string relative)
    {
        ArgumentNullException.ThrowIfNull(relative);
        string[] segments = relative.Split('/');
        (string stem, string extension) = SplitExtension(segments[^1]);
        return string.Join('/', [.. segments[..^1].Select(segment => SafeName.Make(segment, string.Empty, SafeName.MaximumFolderBytes)), SafeName.Make(stem, extension, SafeName.MaximumFileBytes)]);
    }

    /// <summary>Makes the name of one video.</summary>
    /// <param name="values">What the tokens stand for.</param>
    /// <returns>A relative path with <c>/</c> between its segments, safe on every file system. An empty segment becomes <c>_</c>.</returns>
    public string Expand(NameTemplateValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return string.Join('/', _segments.Select((segment, index) =>
        {
            string text = string.Concat(segment.Select(part => part.Token is null ? part.Literal : Cut(part.Token.Expand(values, part.Format))));
            return index < _segments.Count - 1
                ? SafeName.Make(text, string.Empty, SafeName.MaximumFolderBytes)
                : SafeName.Make(text, _extension, SafeName.MaximumFileBytes);
        }));
    }

    /// <summary>Joins a destination folder and a name, and makes sure that the name stays inside the folder.</summary>
    /// <param name="destination">The folder; a relative one is relative to the process's working folder. Links are not followed.</param>
    /// <param name="relative">The name, as <see cref="Expand"/> makes it.</param>
    /// <returns>The full path.</returns>
    /// <exception cref="KlingException">The path would be outside the folder, or is not a path (<see cref="ErrorKind.RequestInvalid"/>).</exception>
    public static string Combine(string destination, string relative)
    {
        ArgumentException.ThrowIfNullOrEmpty(destination);
        ArgumentNullException.ThrowIfNull(relative);
        string root = Path.GetFullPath(destination);
        string inside = Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar;
        string? path = relative.Contains('\0', StringComparison.Ordinal) ? null : Path.GetFullPath(Path.Combine(root, relative));
        return path?.StartsWith(inside, StringComparison.Ordinal) == true && path.Length > inside.Length
            ? path
            : throw CreateInvalidException($"The video's name '{relative}' leads out of the destination '{destination}'; choose a plain relative name.");
    }

    /// <summary>The template as it was written.</summary>
    /// <returns>The template's text.</returns>
    public override string ToString() => _text;

    private static string Cut(string value) => value.Length <= MaximumValueLength ? value : value[..MaximumValueLength];

    /// <summary>A name without its <c>.mp4</c>, and the latter as it is written. Anything else that looks like an extension is part of the name.</summary>
    private static (string Stem, string Extension) SplitExtension(string name)
    {
        string end = name.TrimEnd('.', ' ');
        return end.EndsWith(DefaultExtension, StringComparison.OrdinalIgnoreCase)
            ? (end[..^DefaultExtension.Length], end[^DefaultExtension.Length..])
            : (name, DefaultExtension);
    }

    private static List<List<Part>> Split(string text)
    {
        List<List<Part>> segments = [[]];
        var literal = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c is '{' or '}' && i + 1 < text.Length && text[i + 1] == c)
            {
                literal.Append(c);
                i++;
            }
            else if (c == '{')
            {
                int end = text.IndexOfAny(['{', '}'], i + 1);
                if (end < 0 || text[end] == '{')
                {
                    throw CreateInvalidException($"The name template '{text}' has a '{{' at character {i + 1} that is never closed; write '{{{{' for a brace.");
                }

                EndLiteral();
                segments[^1].Add(ParseToken(text[(i + 1)..end]));
                i = end;
            }
            else if (c == '}')
            {
                throw CreateInvalidException($"The name template '{text}' has a '}}' at character {i + 1} that closes nothing; write '}}}}' for a brace.");
            }
            else if (c is '/' or '\\')
            {
                EndLiteral();
                segments.Add([]);
            }
            else
            {
                literal.Append(c);
            }
        }

        EndLiteral();
        return segments;

        void EndLiteral()
        {
            if (literal.Length > 0)
            {
                segments[^1].Add(new Part(literal.ToString(), null, null));
                literal.Clear();
            }
        }
    }

    private static Part ParseToken(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string name = (colon < 0 ? text : text[..colon]).Trim();
        string? format = colon < 0 ? null : text[(colon + 1)..];
        if (!s_tokens.TryGetValue(name, out Token? token))
        {
            string known = string.Join(", ", s_tokens.Keys.Order(StringComparer.Ordinal).Select(key => $"{{{key}}}"));
            throw CreateInvalidException($"The name template has the unknown token '{{{text}}}'; the known ones are {known}.");
        }

        if (format is not null)
        {
            RequireFormat(token, format);
        }

        return new Part(string.Empty, token, format);
    }

    private static void RequireFormat(Token token, string format)
    {
        if (token.Example is null)
        {
            throw CreateInvalidException($"The token '{{{token.Name}}}' of the name template takes no format; write it without ':{format}'.");
        }

        try
        {
            // .NET reads a format to the first zero character only, whatever follows.
            bool excessive = format.Any(char.IsControl) || (format.Length > 1
                && uint.TryParse(format.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out uint precision)
                && char.IsAsciiLetter(format[0])
                && precision > MaximumPrecision);
            if (!excessive)
            {
                _ = token.Example.ToString(format, CultureInfo.InvariantCulture);
                return;
            }
        }
        catch (FormatException)
        {
        }

        throw CreateInvalidException(
            $"The token '{{{token.Name}:{format}}}' of the name template has a format that does not suit it; "
            + "write for example '{Index:000}' or '{Date:yyyy-MM-dd}'.");
    }

    private static KlingException CreateInvalidException(string message) => new(ErrorKind.RequestInvalid, message);

    /// <summary>A token that exists.</summary>
    /// <param name="Name">The name as documented.</param>
    /// <param name="Example">A value to test a format with; null when the token takes no format.</param>
    /// <param name="Expand">The token's text for one video.</param>
    private sealed record Token(string Name, IFormattable? Example, Func<NameTemplateValues, string?, string> Expand);

    /// <summary>A piece of a segment: a literal, or a token with its format.</summary>
    private sealed record Part(string Literal, Token? Token, string? Format);
}

/// <summary>What the tokens of a <see cref="NameTemplate"/> stand for in one video's name.</summary>
internal sealed record NameTemplateValues
{
    /// <summary>
    /// The image's file, or its address if it was given as one; null when neither is known.
    /// Gives <c>{BaseName}</c> (the name without extension; the task id when there is none) and <c>{Directory}</c>
    /// (the name of the folder it is in).
    /// </summary>
    public string? Source { get; init; }

    /// <summary>What the video is called where it has no image: gives <c>{BaseName}</c> as it is.</summary>
    public string? Title { get; init; }

    /// <summary>The position of the video in this run, from 1: <c>{Index}</c>.</summary>
    public required int Index { get; init; }

    /// <summary>The service's id of the task: <c>{TaskId}</c>.</summary>
    public required string TaskId { get; init; }

    /// <summary>The local id of the task: <c>{Id}</c>.</summary>
    public required long Id { get; init; }

    /// <summary>When the task was created: <c>{Date}</c>, as a clock in <see cref="TimeZone"/> shows it.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The time zone of <c>{Date}</c>; the machine's own unless set.</summary>
    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Local;

    /// <summary>The length of the video in seconds, if it is known: <c>{Duration}</c>.</summary>
    public required int? Duration { get; init; }

    /// <summary>Which of several deliberate variants of the same image this is: <c>{Take}</c>.</summary>
    public int Take { get; init; } = 1;

    internal string BaseName => Path.GetFileNameWithoutExtension(SourcePath) is { Length: > 0 } name ? name
        : string.IsNullOrWhiteSpace(Title) ? TaskId
        : Title;

    internal string Directory => Path.GetFileName(Path.GetDirectoryName(SourcePath)) ?? string.Empty;

    /// <summary>The file's path, or the path part of the image's address.</summary>
    private string SourcePath
    {
        get
        {
            string source = Source ?? string.Empty;
            bool isAddress = source.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
                || source.StartsWith("http://", StringComparison.OrdinalIgnoreCase);
            return isAddress && Uri.TryCreate(source, UriKind.Absolute, out Uri? address) ? Uri.UnescapeDataString(address.AbsolutePath) : source;
        }
    }
}
