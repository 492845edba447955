using System.Globalization;
using System.Text;
using System.Text.Json;
using KlingPS.Core.Files;

namespace KlingPS.Core.Gallery;

/// <summary>One line of a choice: which video is meant, and what was chosen for it.</summary>
/// <param name="Place">Where it stands in the file, for messages.</param>
/// <param name="Key">See <see cref="GalleryEntry.Key"/>.</param>
/// <param name="Name">What the video is called.</param>
/// <param name="Video">The address of the video as the page links to it.</param>
/// <param name="Choice">What was chosen.</param>
internal sealed record ChoiceRow(string Place, string Key, string? Name, string? Video, GalleryChoice Choice)
{
    /// <summary>Whether the line itself says when it was chosen.</summary>
    public bool IsTimed => Choice.IsDated;

    /// <summary>The row in words, for messages.</summary>
    public override string ToString() => Name is null ? $"{Place} ({Key})" : $"{Place} ('{Name}')";
}

/// <summary>
/// A choice as the page of a gallery saves it: JSON, or a table for people, who may have changed it. Each line that cannot be read is
/// reported, and the others count.
/// </summary>
internal sealed record ChoiceFile
{
    /// <summary>What the format calls itself.</summary>
    public const string Format = "KlingPS gallery choice";

    private const int Version = 1;
    private const int MaxLength = 64 * 1024 * 1024;

    /// <summary>More than the heading of any table.</summary>
    private const int HeadingLength = 64 * 1024;

    private static readonly string[] s_isoForms = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    /// <summary>The columns of a table that are read.</summary>
    private static readonly string[] s_columns = ["key", "taskId", "name", "video", "choice", "rating", "note", "stamp", "at", "chosenAt"];

    private static readonly Encoding[] s_marked = [Encoding.UTF8, Encoding.Unicode, Encoding.BigEndianUnicode];

    /// <summary>The full path.</summary>
    public required string Path { get; init; }

    /// <summary>The id of the gallery, if it says so.</summary>
    public string? Gallery { get; private init; }

    /// <summary>The folder that the page was in, if it says so.</summary>
    public string? Place { get; private init; }

    /// <summary>When it was saved.</summary>
    public DateTimeOffset? Saved { get; private init; }

    /// <summary>What was chosen, with each video once.</summary>
    public IReadOnlyList<ChoiceRow> Rows { get; private init; } = [];

    /// <summary>What is wrong with single lines, which are left out.</summary>
    public IReadOnlyList<KlingException> Problems { get; private init; } = [];

    /// <summary>Which lines contradict each other about one video, so that the later one counts; as sentences.</summary>
    public IReadOnlyList<string> Doubles { get; private init; } = [];

    /// <summary>Reads a file.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.ChoiceInvalid"/>: it is not a choice of a gallery, or damaged. <see cref="ErrorKind.PathNotFound"/>,
    /// <see cref="ErrorKind.FileUnreadable"/>: it cannot be read.
    /// </exception>
    public static async Task<ChoiceFile> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            byte[] content = await OrdinaryFile.ReadAllBytesAsync(path, MaxLength, cancellationToken).ConfigureAwait(false);
            return Parse(path, Decode(content, path), File.GetLastWriteTimeUtc(path));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new KlingException(ErrorKind.PathNotFound, $"There is no file '{path}'.", exception);
        }
        catch (FileTooLongException exception)
        {
            throw Invalid(path, "it is longer than any choice", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.FileUnreadable, $"The choice '{path}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Reads the text of a file.</summary>
    /// <param name="path">The full path, for messages.</param>
    /// <param name="text">The text.</param>
    /// <param name="written">When the file was last written; a line without a time was chosen no later than that.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.ChoiceInvalid"/>.</exception>
    internal static ChoiceFile Parse(string path, string text, DateTimeOffset? written = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        string content = text.TrimStart();
        return content.Length == 0 ? throw Invalid(path, "it is empty")
            : content[0] is '{' or '[' ? ParseJson(path, content, written)
            : ParseTable(path, text.TrimStart('\uFEFF'), written);
    }

    /// <summary>Whether a file is a choice, of any version: all that <see cref="ReadAsync"/> takes, and damaged ones.</summary>
    /// <param name="path">The full path.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static bool IsOne(string path)
    {
        const FileShare Shared = FileShare.ReadWrite | FileShare.Delete;
        string beginning = DecodeLoosely(OrdinaryFile.ReadBeginning(path, HeadingLength, Shared));
        if (!beginning.StartsWith('{'))
        {
            return IsTable(path, beginning);
        }

        try
        {
            // The name of the format may be at its end.
            string text = DecodeLoosely(OrdinaryFile.ReadAllBytes(path, MaxLength, Shared));
            return text.Contains($"\"{Format}\"", StringComparison.Ordinal) || Parse(path, text) is not null;
        }
        catch (Exception exception) when (exception is FileTooLongException or KlingException)
        {
            return false;
        }
    }

    private static bool IsTable(string path, string beginning)
    {
        try
        {
            return ChoiceCsv.Read(beginning).Select(row => ReadHeading(path, row.Values)).FirstOrDefault() is not null;
        }
        catch (Exception exception) when (exception is FormatException or KlingException)
        {
            return false;
        }
    }

    private static string DecodeLoosely(byte[] content)
    {
        using var reader = new StreamReader(new MemoryStream(content), Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        return reader.ReadToEnd().TrimStart();
    }

    /// <summary>Combines several choices: if several decide about one video, the later decision counts, and stays in the file that has it.</summary>
    /// <param name="files">The choices, with keys that are the same for the same video.</param>
    public static IReadOnlyList<ChoiceFile> Merge(IReadOnlyList<ChoiceFile> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        var kept = files.Select(_ => new HashSet<string>(StringComparer.Ordinal)).ToArray();
        var problems = files.Select(_ => new List<KlingException>()).ToArray();
        var doubles = files.Select(_ => new List<string>()).ToArray();
        foreach (IGrouping<string, (int File, ChoiceRow Row)> video in files.SelectMany((file, index) => file.Rows.Select(row => (File: index, Row: row))).GroupBy(said => said.Row.Key, StringComparer.Ordinal))
        {
            // A row that chooses nothing takes nothing back.
            (int File, ChoiceRow Row)[] said = [.. video.Where(one => one.Row.Choice is { SaysSomething: true } or { At: not null }).DefaultIfEmpty(video.First())];
            (int File, ChoiceRow Row) last = said.MaxBy(one => one.Row.Choice.At ?? DateTimeOffset.MinValue);
            (int File, ChoiceRow Row)[] others = [.. said.Where(one => !one.Row.Choice.SaysSameAs(last.Row.Choice))];
            if (others.Length == 0)
            {
                kept[last.File].Add(video.Key);
                continue;
            }

            (int File, ChoiceRow Row) former = others.MaxBy(one => one.Row.Choice.At ?? DateTimeOffset.MinValue);
            string both = $"{former.Row} of '{files[former.File].Path}' and {last.Row} of '{files[last.File].Path}'";
            if (last.Row.Choice.At > former.Row.Choice.At)
            {
                kept[last.File].Add(video.Key);
                doubles[last.File].Add($"{both} say different things about the same video. What '{files[last.File].Path}' says is later, and counts.");
            }
            else
            {
                problems[last.File].Add(new KlingException(ErrorKind.ChoiceInvalid, $"{both} say different things about the same video, and it is not known which is later. Neither counts."));
            }
        }

        return [.. files.Select((file, index) => file with
        {
            Rows = [.. file.Rows.Where(row => kept[index].Contains(row.Key))],
            Problems = [.. file.Problems, .. problems[index]],
            Doubles = [.. file.Doubles, .. doubles[index]],
        })];
    }

    /// <summary>The same choice with other keys, so that lines that name one video in different ways are recognized as being about it.</summary>
    /// <param name="keyOf">Maps any key of a video to the same one.</param>
    public ChoiceFile WithKeys(Func<string, string> keyOf)
    {
        ArgumentNullException.ThrowIfNull(keyOf);
        var collector = new Collector(Path);
        foreach (ChoiceRow row in Rows)
        {
            collector.Add(row with { Key = keyOf(row.Key) });
        }

        ChoiceFile file = collector.ToFile();
        return this with { Rows = file.Rows, Problems = [.. Problems, .. file.Problems], Doubles = [.. Doubles, .. file.Doubles] };
    }

    private static ChoiceFile ParseJson(string path, string text, DateTimeOffset? written)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object
                || TextOf(root, "format") != Format
                || !root.TryGetProperty("choices", out JsonElement choices)
                || choices.ValueKind != JsonValueKind.Array)
            {
                throw Invalid(path, "it is not a choice that a gallery page has saved");
            }

            if (root.TryGetProperty("version", out JsonElement version) && version.ValueKind == JsonValueKind.Number && version.GetDouble() > Version)
            {
                throw Invalid(path, "it was saved by the page of a newer version of KlingPS");
            }

            DateTimeOffset? saved = TimeOf(TextOf(root, "saved"));
            var collector = new Collector(path);
            int number = 0;
            foreach (JsonElement choice in choices.EnumerateArray())
            {
                number++;
                collector.Add(
                    FormattableString.Invariant($"Choice {number}"),
                    choice.ValueKind == JsonValueKind.Object ? name => TextOf(choice, name) : null,
                    (get, said) => TimeOf(get("at")) is DateTimeOffset at
                        ? said with { At = at, NotBefore = TimeOf(get("judged")) is DateTimeOffset judged && judged < at ? judged : at, IsDated = true }
                        : said with { At = saved ?? written });
            }

            return collector.ToFile() with { Gallery = TextOf(root, "gallery"), Place = TextOf(root, "place"), Saved = saved };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The latter if a string contains half a character: the parser does not look inside strings.
            throw Invalid(path, $"it {JsonDamage.Describe(text, exception)}", exception);
        }
    }

    private static ChoiceFile ParseTable(string path, string text, DateTimeOffset? written)
    {
        try
        {
            Dictionary<string, int>? columns = null;
            var collector = new Collector(path);
            foreach ((int line, IReadOnlyList<string> values) in ChoiceCsv.Read(text))
            {
                if (columns is null)
                {
                    columns = ReadHeading(path, values);
                    continue;
                }

                collector.Add(
                    FormattableString.Invariant($"Line {line}"),
                    name => columns.TryGetValue(name, out int column) && column < values.Count ? ChoiceCsv.Plain(values[column]) : null,
                    (get, said) => ChoiceStamp.TryRead(get("stamp")) is ChoiceStamp stamp ? stamp.Date(said, written)
                        : said with { At = written, NotBefore = TimeOf(get("at") ?? get("chosenAt"), s_isoForms) });
            }

            return collector.ToFile();
        }
        catch (FormatException exception)
        {
            throw Invalid(path, $"it is damaged: {exception.Message}", exception);
        }
    }

    private static Dictionary<string, int> ReadHeading(string path, IReadOnlyList<string> values)
    {
        var columns = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < values.Count; i++)
        {
            string column = values[i].Trim();
            if (!columns.TryAdd(column, i) && s_columns.Contains(column, StringComparer.OrdinalIgnoreCase))
            {
                throw Invalid(path, $"it has the column {column} twice, and it is not known which of them counts");
            }
        }

        bool names = columns.ContainsKey("key") || columns.ContainsKey("taskId");
        bool says = columns.ContainsKey("choice") || columns.ContainsKey("rating") || columns.ContainsKey("note");
        return names && says
            ? columns
            : throw Invalid(path, "it is neither JSON nor a table with the columns Key, Choice, Rating and Note");
    }

    private static string Decode(byte[] content, string path)
    {
        if (Array.Find(s_marked, encoding => content.AsSpan().StartsWith(encoding.Preamble)) is Encoding marked)
        {
            return marked.GetString(content.AsSpan(marked.Preamble.Length));
        }

        try
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(content);
        }
        catch (DecoderFallbackException exception)
        {
            throw content.Contains((byte)0)
                ? Invalid(path, "it is not text, so it is not a choice that a gallery page has saved", exception)
                : Invalid(path, "it is not UTF-8, so letters in notes would be garbled. Save it as \"CSV UTF-8\"", exception);
        }
    }

    private static string? TextOf(JsonElement item, string name) => item.TryGetProperty(name, out JsonElement value)
        ? value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Null or JsonValueKind.Undefined => null,

            // A value that should be text but is not is refused when it is read.
            _ => value.GetRawText(),
        }
        : null;

    private static DateTimeOffset? TimeOf(string? text)
        => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? time : null;

    /// <summary>A time in one of these forms only: elsewhere, 3/4/2026 is another day.</summary>
    private static DateTimeOffset? TimeOf(string? text, string[] forms)
        => DateTimeOffset.TryParseExact(text, forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? time : null;

    private static KlingException Invalid(string path, string why, Exception? cause = null)
        => new(ErrorKind.ChoiceInvalid, $"Nothing was read from '{path}': {why}.", cause);

    /// <summary>Takes the lines of a file one by one.</summary>
    private sealed class Collector(string path)
    {
        private readonly Dictionary<string, ChoiceRow> _rows = new(StringComparer.Ordinal);
        private readonly List<string> _order = [];
        private readonly HashSet<string> _doubtful = new(StringComparer.Ordinal);
        private readonly List<KlingException> _problems = [];
        private readonly List<string> _doubles = [];

        public ChoiceFile ToFile() => new()
        {
            Path = path,
            Rows = [.. _order.Where(key => !_doubtful.Contains(key)).Select(key => _rows[key])],
            Problems = _problems,
            Doubles = _doubles,
        };

        /// <summary>Takes a line.</summary>
        /// <param name="place">Where it stands.</param>
        /// <param name="get">Its values by their names; <see langword="null"/> if it is not a line at all.</param>
        /// <param name="date">Says when something was chosen, going by the line.</param>
        public void Add(string place, Func<string, string?>? get, Func<Func<string, string?>, GalleryChoice, GalleryChoice> date)
        {
            string? key = Trim(get?.Invoke("key")) ?? Trim(get?.Invoke("taskId"));
            string? name = Trim(get?.Invoke("name"));
            if (get is null || key is null)
            {
                Refuse(place, name, "it names no video");
                return;
            }

            if (FindChoice(get("choice")) is not Decision decision)
            {
                Refuse(place, name ?? key, $"'{get("choice")}' is not a choice. It can be Picked, Rejected or empty");
                return;
            }

            if (FindRating(get("rating")) is not int rating)
            {
                Refuse(place, name ?? key, $"the rating is '{get("rating")}'. It is a whole number from 0 to {GalleryChoice.MaxRating}");
                return;
            }

            Add(new ChoiceRow(place, key, name, Trim(get("video")), date(get, new GalleryChoice(decision, rating, get("note")?.Trim() ?? string.Empty))));
        }

        /// <summary>Takes a line that says something else about a video than an earlier one only if both say when.</summary>
        public void Add(ChoiceRow row)
        {
            if (!_rows.TryGetValue(row.Key, out ChoiceRow? former))
            {
                _rows.Add(row.Key, row);
                _order.Add(row.Key);
            }
            else if (row.Choice.SaysSameAs(former.Choice))
            {
                _rows[row.Key] = row.Choice.At > former.Choice.At ? row : former;
            }
            else if (!former.IsTimed || !row.IsTimed || row.Choice.At == former.Choice.At)
            {
                if (_doubtful.Add(row.Key))
                {
                    Refuse(row.Place, row.Name ?? row.Key, $"{former.Place} says something else about the same video, and neither counts");
                }
            }
            else
            {
                ChoiceRow later = row.Choice.At > former.Choice.At ? row : former;
                _rows[row.Key] = later;
                _doubles.Add($"{former} and {row} of '{path}' say different things about the same video. {later.Place}, which is the later one, counts.");
            }
        }

        private void Refuse(string place, string? name, string why) => _problems.Add(new KlingException(
            ErrorKind.ChoiceInvalid,
            $"{place}{(name is null ? string.Empty : $" ('{name}')")} of '{path}' was left out: {why}."));

        private static Decision? FindChoice(string? text) => text?.Trim().ToUpperInvariant() switch
        {
            null or "" or "NONE" or "NEITHER" or "U" => Decision.None,
            "PICKED" or "PICK" or "P" => Decision.Picked,
            "REJECTED" or "REJECT" or "X" => Decision.Rejected,
            _ => null,
        };

        private static int? FindRating(string? text) => string.IsNullOrWhiteSpace(text) ? 0
            : int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int rating) && rating <= GalleryChoice.MaxRating ? rating
            : null;

        private static string? Trim(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
    }
}
