using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using KlingPS.Core.Gallery;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Imaging;
using KlingPS.Core.Tests.Saving;

namespace KlingPS.Core.Tests.Gallery;

/// <summary>A folder with images, videos and the pages of galleries.</summary>
internal sealed class GalleryFolder : IDisposable
{
    public static readonly DateTimeOffset Created = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    public string Root => _folder.FullName;

    public string Page => PathOf("gallery.html");

    public void Dispose() => _folder.Delete(recursive: true);

    public string PathOf(string name) => Path.Combine(Root, name);

    public string Write(string name, byte[] content)
    {
        string path = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>An image with a content of its own.</summary>
    public string Image(string name) => Write(name, [.. ImageBytes.Png(640, 360), .. Encoding.UTF8.GetBytes(name)]);

    public string Video(string name, int seed = 1) => Write(name, TestMp4.Create(1000, seed));

    /// <summary>A task whose image and, if it has one, whose video are on disk.</summary>
    public KlingVideoTask Task(int id, string image = "fox.png", string? video = null, KlingTaskState state = KlingTaskState.Succeeded, string prompt = "It moves.") => new()
    {
        Id = id,
        TaskId = state is KlingTaskState.Unknown or KlingTaskState.Rejected or KlingTaskState.Abandoned ? null : $"t{id}",
        TaskState = state,
        Spec = new VideoSpec { Prompt = prompt, Duration = 5, Image = MediaSource.FromFile(Image(image)) with { Hash = HashOf(PathOf(image)) } },
        CreatedAt = Created.AddMinutes(id),
        CompletedAt = state == KlingTaskState.Succeeded ? Created.AddMinutes(id + 2) : null,
        CreditsConsumed = state == KlingTaskState.Succeeded ? 42 : null,
        CreditsReserved = state is KlingTaskState.Unknown or KlingTaskState.Generating ? 42 : 0,
        SavedPath = video is null ? null : Video(video, id),
        SavedHash = video is null ? null : "bb",
    };

    public static string HashOf(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))).ToLowerInvariant();

    /// <summary>A video of which nothing but the file is known.</summary>
    public GalleryEntry Stray(string name)
    {
        string path = Video(name, 99);
        return new GalleryEntry(EntryOrigin.File, null, path) { VideoHash = HashOf(path) };
    }

    public Task<WrittenPage> ExportAsync(params KlingVideoTask[] tasks) => ExportAsync(new GalleryOptions { Path = Page }, tasks);

    public static Task<WrittenPage> ExportAsync(GalleryOptions options, params KlingVideoTask[] tasks)
        => ExportAsync(options, tasks.Select(task => new GalleryEntry(EntryOrigin.Ledger, task, task.SavedPath)));

    public static async Task<WrittenPage> ExportAsync(GalleryOptions options, IEnumerable<GalleryEntry> entries)
    {
        GalleryEntry[] all = [.. entries];
        await new GalleryWriter(options).WriteAsync(all, new Takes(all.Select(entry => entry.Task).OfType<KlingVideoTask>()), null, (_, _) => { }, TestContext.Current.CancellationToken);
        return WrittenPage.Read(options.Path);
    }
}

/// <summary>A page as a browser reads it.</summary>
internal sealed partial record WrittenPage(string Text, JsonElement Data, IReadOnlyList<string> Cards)
{
    public IReadOnlyList<JsonElement> Items => [.. Data.GetProperty("items").EnumerateArray()];

    public static WrittenPage Read(string path)
    {
        string text = File.ReadAllText(path);
        return new WrittenPage(text, JsonDocument.Parse(DataBlock().Match(text).Groups[1].Value).RootElement, [.. CardBlock().Matches(text).Select(card => card.Value)]);
    }

    /// <summary>The text of an element of a card, as it is shown; <see langword="null"/> if the card has none.</summary>
    public string? TextOf(int card, string name)
        => Regex.Match(Cards[card], $"<(p|h2|code|a|img)[^>]*?(class=\"{name}\"|(?<=<{name}))[^>]*>(.*?)</", RegexOptions.Singleline) is { Success: true } found
            ? WebUtility.HtmlDecode(Regex.Replace(found.Groups[3].Value, "<[^>]*>", string.Empty))
            : null;

    public string? LinkOf(int card, string attribute)
        => Regex.Match(Cards[card], $" {attribute}=\"([^\"]*)\"") is { Success: true } found ? WebUtility.HtmlDecode(found.Groups[1].Value) : null;

    [GeneratedRegex("<script type=\"application/json\" id=\"gallery-data\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex DataBlock();

    [GeneratedRegex("<li class=\"card\".*?</li>", RegexOptions.Singleline)]
    private static partial Regex CardBlock();
}
