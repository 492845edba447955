using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using KlingPS.Core.Gallery.Page;
using KlingPS.Core.Model;

namespace KlingPS.Core.Gallery;

/// <summary>A page with all its cards. The same cards produce the same bytes: nothing in it depends on the time of writing.</summary>
internal sealed class GalleryDocument
{
    private readonly IReadOnlyList<GalleryCard> _cards;
    private readonly Dictionary<string, int> _stacks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _folders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _models = new(StringComparer.Ordinal);

    /// <summary>Creates the page.</summary>
    /// <param name="cards">The cards, in the order of <see cref="Sort"/>.</param>
    public GalleryDocument(IReadOnlyList<GalleryCard> cards)
    {
        ArgumentNullException.ThrowIfNull(cards);
        _cards = cards;
        foreach (GalleryCard card in cards)
        {
            _stacks.TryAdd(card.Stack, _stacks.Count);
            _folders.TryAdd(card.Folder, _folders.Count);
            _models.TryAdd(card.Model, _models.Count);
        }
    }

    /// <summary>Which gallery it is: 32 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>Its title.</summary>
    public required string Title { get; init; }

    /// <summary>The full path of the folder that the page lies in; <see langword="null"/> if it is for others.</summary>
    public string? Place { get; init; }

    /// <summary>When the choice that the cards show was saved.</summary>
    public DateTimeOffset? ChoicesSaved { get; init; }

    /// <summary>What was chosen for videos that the page does not show, by the keys of their cards.</summary>
    public IReadOnlyDictionary<string, GalleryChoice> Elsewhere { get; init; } = new Dictionary<string, GalleryChoice>();

    /// <summary>The cards in the order of the page: those of one image together, by name.</summary>
    public static IReadOnlyList<GalleryCard> Sort(IEnumerable<GalleryCard> cards) =>
    [
        .. cards
            .GroupBy(card => card.Stack, StringComparer.Ordinal)
            .Select(stack => stack
                .OrderBy(card => card.Model, StringComparer.Ordinal)
                .ThenBy(card => card.Take)
                .ThenBy(card => card.Created)
                .ThenBy(card => card.Key, StringComparer.Ordinal)
                .ToList())
            .OrderBy(stack => stack[0].Name, StringComparer.OrdinalIgnoreCase)
            .ThenBy(stack => stack[0].Name, StringComparer.Ordinal)
            .ThenBy(stack => stack[0].Folder, StringComparer.Ordinal)
            .ThenBy(stack => stack[0].Key, StringComparer.Ordinal)
            .SelectMany(stack => stack),
    ];

    /// <summary>Writes the page.</summary>
    /// <param name="page">Where it is written to.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    public void Write(TextWriter page, CancellationToken cancellationToken)
        => PageTemplate.Write(page, GalleryFile.MarkOf(Id, isPortable: Place is null), VisibleText.InLine(Title), Sums(), output => WriteCards(output, cancellationToken), output => WriteData(output, cancellationToken));

    private string Sums()
    {
        decimal credits = _cards.Sum(card => card.Credits);
        decimal setAside = _cards.Where(card => card.IsSetAside).Sum(card => card.Credits);
        string videos = _cards.Count == 1 ? "1 video" : string.Create(CultureInfo.InvariantCulture, $"{_cards.Count:N0} videos");
        string states = string.Join(", ", _cards
            .GroupBy(card => card.Status)
            .OrderBy(group => group.Key)
            .Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count():N0} {Describe(group.Key)}")));
        string aside = setAside == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", {setAside:#,0.##} of them set aside");
        return string.Create(CultureInfo.InvariantCulture, $"{videos} ({states}) · {credits:#,0.##} credits{aside} · ${credits * VideoPrice.DollarsPerCredit:#,0.00}");
    }

    private void WriteCards(TextWriter page, CancellationToken cancellationToken)
    {
        for (int i = 0; i < _cards.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            WriteCard(page, _cards[i], i);
        }
    }

    private static void WriteCard(TextWriter page, GalleryCard card, int number)
    {
        page.Write("<li class=\"card\" id=\"c");
        page.Write(number.ToString(CultureInfo.InvariantCulture));
        page.Write("\" data-status=\"");
        page.Write(Word(card.Status));
        page.Write("\"><a class=\"poster\"");
        WriteAttribute(page, "href", card.VideoLink);
        page.Write('>');
        if (card.ImageLink is not null)
        {
            page.Write("<img");
            WriteAttribute(page, "src", card.ImageLink);
            page.Write(" alt=\"\" loading=\"lazy\" decoding=\"async\">");
        }
        else
        {
            WriteElement(page, "span", "blank", card.NoImage);
        }

        page.Write("</a>");
        WriteElement(page, "h2", null, card.Name);
        WriteElement(page, "p", "about", About(card));
        WriteElement(page, "p", "state", card.Status == CardStatus.Saved ? null : Capitalized(card));
        WriteElement(page, "p", "reason", card.Reason);
        WriteLife(page, card);
        foreach (CardCommand command in card.Settle)
        {
            page.Write("<p class=\"settle\">");
            WriteElement(page, "code", null, VisibleText.Of(command.With(card.Prompt)));
            page.Write("</p>");
        }

        WriteElement(page, "p", "prompt", VisibleText.Of(card.Prompt));
        page.Write("</li>\n");
    }

    private static string About(GalleryCard card)
    {
        string seconds = card.Seconds > 0 ? FormattableString.Invariant($"{card.Seconds} s") : string.Empty;
        string take = card.Take > 1 ? FormattableString.Invariant($"take {card.Take}") : string.Empty;
        string credits = card.Credits == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"{card.Credits:0.##} credits{(card.IsSetAside ? " set aside" : string.Empty)}");
        return string.Join(" · ", new[] { seconds, take, credits, card.Model }.Where(part => part.Length > 0));
    }

    /// <summary>How long the video can still be fetched, if it is not on disk.</summary>
    private static void WriteLife(TextWriter page, GalleryCard card)
    {
        if (card.Status is not (CardStatus.Unsaved or CardStatus.Missing) || card.LinkUntil is not DateTimeOffset link || card.RecordUntil is not DateTimeOffset record)
        {
            return;
        }

        page.Write("<p class=\"life\">link until ");
        WriteTime(page, "link", link);
        page.Write(", record until ");
        WriteTime(page, "record", record);
        page.Write("</p>");
    }

    private static void WriteTime(TextWriter page, string name, DateTimeOffset time)
    {
        page.Write($"<time class=\"{name}\" datetime=\"{Iso(time)}\">");
        page.Write(time.UtcDateTime.ToString("d MMMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture));
        page.Write("</time>");
    }

    private static void WriteElement(TextWriter page, string element, string? name, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return;
        }

        page.Write('<');
        page.Write(element);
        WriteAttribute(page, "class", name);
        page.Write('>');
        PageText.WriteHtml(page, text);
        page.Write("</");
        page.Write(element);
        page.Write('>');
    }

    private static void WriteAttribute(TextWriter page, string name, string? value)
    {
        if (value is not null)
        {
            page.Write(' ');
            page.Write(name);
            page.Write("=\"");
            PageText.WriteHtml(page, value);
            page.Write('"');
        }
    }

    /// <summary>Item by item, so that the whole of it is never in memory.</summary>
    private void WriteData(TextWriter page, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using var json = new Utf8JsonWriter(buffer, PageText.Json);
        json.WriteStartObject();
        json.WriteNumber("version", 1);
        json.WriteString("gallery", Id);
        json.WriteString("title", Title);
        json.WriteNumber("dollarsPerCredit", VideoPrice.DollarsPerCredit);
        WriteTime(json, "exported", _cards.Count == 0 ? null : _cards.Max(card => card.Completed > card.Created ? card.Completed.Value : card.Created));
        WriteTime(json, "choicesSaved", ChoicesSaved);
        WriteText(json, "place", Place);
        WriteFlag(json, "portable", Place is null);
        WriteList(json, "folders", _folders.Keys);
        WriteList(json, "models", _models.Keys);
        json.WriteStartArray("items");
        foreach (GalleryCard card in _cards)
        {
            cancellationToken.ThrowIfCancellationRequested();
            WriteItem(json, card);
            Flush();
        }

        json.WriteEndArray();
        if (Elsewhere.Count > 0)
        {
            json.WriteStartArray("elsewhere");
            foreach ((string key, GalleryChoice choice) in Elsewhere)
            {
                json.WriteStartObject();
                json.WriteString("key", key);
                WriteChoice(json, choice);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        Flush();

        void Flush()
        {
            json.Flush();
            page.Write(Encoding.UTF8.GetString(buffer.WrittenSpan));
            buffer.ResetWrittenCount();
        }
    }

    private void WriteItem(Utf8JsonWriter json, GalleryCard card)
    {
        json.WriteStartObject();
        json.WriteString("key", card.Key);
        WriteNumber(json, "id", card.Id ?? 0);
        WriteText(json, "taskId", card.TaskId);
        json.WriteString("name", card.Name);
        WriteNumber(json, "folder", _folders[card.Folder]);
        WriteNumber(json, "model", _models[card.Model]);
        WriteNumber(json, "stack", _stacks[card.Stack]);
        WriteNumber(json, "take", card.Take > 1 ? card.Take : 0);
        WriteNumber(json, "seconds", card.Seconds);
        json.WriteString("status", Word(card.Status));
        WriteText(json, "state", card.State?.ToString());
        WriteNumber(json, "credits", VideoPrice.Plain(card.Credits));
        WriteFlag(json, "setAside", card.IsSetAside);
        WriteTime(json, "created", card.Created);
        WriteTime(json, "completed", card.Completed);
        WriteTime(json, "linkUntil", card.LinkUntil);
        WriteTime(json, "recordUntil", card.RecordUntil);
        WriteText(json, "prompt", VisibleText.Of(card.Prompt) == card.Prompt ? null : card.Prompt);
        if (card.Facts.Count > 0)
        {
            json.WriteStartArray("facts");
            foreach ((string label, string text) in card.Facts)
            {
                json.WriteStartArray();
                json.WriteStringValue(label);
                json.WriteStringValue(text);
                json.WriteEndArray();
            }

            json.WriteEndArray();
        }

        if (card.Again is CardCommand again)
        {
            json.WritePropertyName("again");
            WriteCommand(json, again);
        }

        if (card.Settle.Count > 0)
        {
            json.WriteStartArray("settle");
            foreach (CardCommand command in card.Settle)
            {
                WriteCommand(json, command);
            }

            json.WriteEndArray();
        }

        if (card.Choice is GalleryChoice choice)
        {
            WriteChoice(json, choice);
        }

        json.WriteEndObject();
    }

    private static void WriteChoice(Utf8JsonWriter json, GalleryChoice choice)
    {
        WriteText(json, "choice", choice.Decision == Decision.None ? null : choice.Decision.ToString());
        WriteNumber(json, "rating", choice.Rating);
        WriteText(json, "note", choice.Note);

        WriteMoment(json, "at", choice.At);

        // An unknown time may be any time in the past.
        DateTimeOffset judged = choice.NotBefore ?? DateTimeOffset.UnixEpoch;
        WriteMoment(json, "judged", judged < choice.At ? judged : null);
    }

    /// <summary>To the millisecond, as in the browser: if it were rounded, it would be older than the same choice there.</summary>
    private static void WriteMoment(Utf8JsonWriter json, string name, DateTimeOffset? time)
        => WriteText(json, name, time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFF'Z'", CultureInfo.InvariantCulture));

    /// <summary>The texts of a command, with the number 0 where the prompt stands.</summary>
    private static void WriteCommand(Utf8JsonWriter json, CardCommand command)
    {
        json.WriteStartArray();
        json.WriteStringValue(command.Head);
        if (command.Tail is not null)
        {
            json.WriteNumberValue(0);
            json.WriteStringValue(command.Tail);
        }

        json.WriteEndArray();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? text)
    {
        if (!string.IsNullOrEmpty(text))
        {
            json.WriteString(name, text);
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, decimal number)
    {
        if (number != 0)
        {
            json.WriteNumber(name, number);
        }
    }

    private static void WriteFlag(Utf8JsonWriter json, string name, bool flag)
    {
        if (flag)
        {
            json.WriteBoolean(name, true);
        }
    }

    private static void WriteTime(Utf8JsonWriter json, string name, DateTimeOffset? time)
    {
        if (time is DateTimeOffset known && known != default)
        {
            json.WriteString(name, Iso(known));
        }
    }

    private static void WriteList(Utf8JsonWriter json, string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }

    private static string Iso(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Word(CardStatus status) => status.ToString().ToLowerInvariant();

    private static string Describe(CardStatus status) => status switch
    {
        CardStatus.Missing => "moved or deleted",
        CardStatus.Unsaved => "not saved",
        CardStatus.Taken => "taken elsewhere",
        CardStatus.Pending => "not finished",
        CardStatus.Rejected => "refused",
        CardStatus.Abandoned => "given up",
        _ => Word(status),
    };

    private static string Capitalized(GalleryCard card)
    {
        string text = card.Status == CardStatus.Pending && card.State is KlingTaskState state ? state.ToString() : Describe(card.Status);
        return char.ToUpperInvariant(text[0]) + text[1..];
    }
}
