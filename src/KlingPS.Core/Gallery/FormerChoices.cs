using System.Globalization;
using System.Text.Json;
using KlingPS.Core.Files;

namespace KlingPS.Core.Gallery;

/// <summary>The choices in a page that is about to be written again: they were loaded into it, and its file may be the only one that has them.</summary>
/// <param name="Choices">The choices by the key of their card, also those of videos that the page did not show.</param>
/// <param name="WasPortable">Whether the page was one for others.</param>
internal sealed record FormerChoices(IReadOnlyDictionary<string, GalleryChoice> Choices, bool WasPortable)
{
    /// <summary>Used if there was no page.</summary>
    public static readonly FormerChoices None = new(new Dictionary<string, GalleryChoice>(), WasPortable: false);

    private const int MaxLength = 256 * 1024 * 1024;

    /// <summary>Reads them.</summary>
    /// <param name="path">The full path of a page of ours.</param>
    /// <returns>None if the page cannot be read, or somebody has changed it.</returns>
    public static FormerChoices Read(string path)
    {
        var choices = new Dictionary<string, GalleryChoice>(StringComparer.Ordinal);
        bool wasPortable = false;
        try
        {
            byte[] page = OrdinaryFile.ReadAllBytes(path, MaxLength);
            int start = page.AsSpan().IndexOf("id=\"gallery-data\">"u8);
            int begin = start < 0 ? -1 : start + page.AsSpan(start).IndexOf((byte)'>') + 1;
            int length = begin < 0 ? -1 : page.AsSpan(begin).IndexOf("</script"u8);
            if (length < 0 || !MayHaveAny(page.AsSpan(begin, length)))
            {
                return None;
            }

            using JsonDocument data = JsonDocument.Parse(page.AsMemory(begin, length));
            wasPortable = data.RootElement.TryGetProperty("portable", out JsonElement portable) && portable.ValueKind == JsonValueKind.True;
            IEnumerable<JsonElement> elsewhere = data.RootElement.TryGetProperty("elsewhere", out JsonElement others) ? others.EnumerateArray() : [];
            foreach (JsonElement item in data.RootElement.GetProperty("items").EnumerateArray().Concat(elsewhere))
            {
                if (Read(item) is GalleryChoice choice)
                {
                    choices[item.GetProperty("key").GetString()!] = choice;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            // So there is nothing to keep.
        }

        return new FormerChoices(choices, wasPortable);
    }

    /// <summary>Most pages have none, and need not be read in full.</summary>
    private static bool MayHaveAny(ReadOnlySpan<byte> data)
        => data.IndexOf("\"choice\":"u8) >= 0 || data.IndexOf("\"rating\":"u8) >= 0 || data.IndexOf("\"note\":"u8) >= 0 || data.IndexOf("\"at\":"u8) >= 0;

    private static GalleryChoice? Read(JsonElement item)
    {
        Decision decision = item.TryGetProperty("choice", out JsonElement choice) && Enum.TryParse(choice.GetString(), out Decision read) ? read : Decision.None;
        int rating = item.TryGetProperty("rating", out JsonElement stars) ? Math.Clamp(stars.GetInt32(), 0, GalleryChoice.MaxRating) : 0;
        string note = item.TryGetProperty("note", out JsonElement text) ? text.GetString() ?? string.Empty : string.Empty;
        DateTimeOffset? at = TimeOf(item, "at");
        var former = new GalleryChoice(decision, rating, note, at) { NotBefore = TimeOf(item, "judged") ?? at, IsDated = at is not null };

        // A choice that was taken back counts, too: otherwise an older file would bring it back.
        return former.SaysSomething || at is not null ? former : null;
    }

    private static DateTimeOffset? TimeOf(JsonElement item, string name)
        => item.TryGetProperty(name, out JsonElement time) && DateTimeOffset.TryParse(time.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset moment)
            ? moment : null;
}
