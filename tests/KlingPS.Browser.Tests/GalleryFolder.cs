using System.Text;
using KlingPS.Core.Gallery;
using KlingPS.Core.Model;

namespace KlingPS.Browser.Tests;

/// <summary>A folder of its own with images, videos and a page of them, as a night's work leaves it.</summary>
internal sealed class GalleryFolder : IDisposable
{
    public const string Id = "0123456789abcdef0123456789abcdef";
    public const string Prompt = "The camera glides forward.";

    private static readonly string s_media = Path.Combine(AppContext.BaseDirectory, "media");

    private readonly List<GalleryCard> _cards = [];

    private readonly bool _isOwn;

    public GalleryFolder()
    {
        Folder = Directory.CreateTempSubdirectory("klingps-gallery-").FullName;
        _isOwn = true;
    }

    /// <summary>A folder in which something else has written a page.</summary>
    public GalleryFolder(string folder) => Folder = folder;

    public string Folder { get; }

    public IReadOnlyList<GalleryCard> Cards => GalleryDocument.Sort(_cards);

    public string Page => Path.Combine(Folder, "gallery.html");

    public void Dispose()
    {
        if (_isOwn)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    /// <summary>A saved video with its image; both are on disk.</summary>
    public GalleryCard AddSaved(string name, int take = 1, string stack = "", Func<GalleryCard, GalleryCard>? change = null, int seconds = 5)
    {
        string video = Path.Combine(Folder, take == 1 ? $"{name}.mp4" : $"{name}-{take}.mp4");
        string image = Path.Combine(Folder, $"{name}.png");
        File.Copy(Path.Combine(s_media, seconds == 5 ? "clip5.mp4" : "clip10.mp4"), video, overwrite: true);
        File.Copy(Path.Combine(s_media, "lighthouse.png"), image, overwrite: true);
        return Add(name, card => (change ?? (same => same))(card with
        {
            Take = take,
            Seconds = seconds,
            Credits = seconds == 5 ? 42 : 84,
            Stack = stack.Length > 0 ? stack : name,
            Status = CardStatus.Saved,
            State = KlingTaskState.Succeeded,
            VideoLink = PageText.Link(Folder, video),
            ImageLink = PageText.Link(Folder, image),
        }));
    }

    public GalleryCard Add(string name, Func<GalleryCard, GalleryCard> change)
    {
        int number = _cards.Count + 1;
        GalleryCard card = change(new GalleryCard
        {
            Key = $"key-{number}",
            Id = number,
            TaskId = $"task{number:00000000}",
            Name = name,
            Folder = "videos",
            Model = "kling/v2-5-turbo-image-to-video-pro",
            Stack = name,
            Seconds = 5,
            Created = new DateTimeOffset(2026, 11, 25, 22, 0, 0, TimeSpan.Zero).AddMinutes(number),
            Prompt = Prompt,
            Again = new CardCommand($"ConvertTo-KlingVideo -LiteralPath '{name}.png' -Prompt '", "' -Take 2"),
            Facts = [("CFG scale", "0.5"), ("Video SHA-256", new string('a', 64))],
        });
        _cards.Add(card);
        return card;
    }

    /// <summary>Six images with nine tasks: takes, another model, another folder, and one of each trouble.</summary>
    public GalleryFolder AddNight()
    {
        AddSaved("boat");
        AddSaved("lighthouse");
        AddSaved("lighthouse", take: 2, change: card => card with { Created = card.Created.AddHours(1) });
        AddSaved("lighthouse", take: 3, change: card => card with { Model = "kling-2.6/image-to-video", Credits = 55 });
        AddSaved("sunrise", seconds: 10, change: card => card with { Folder = "videos/night", Prompt = "Mist drifts through the valley." });
        Add("cliff", card => card with
        {
            Status = CardStatus.Unknown,
            State = KlingTaskState.Unknown,
            TaskId = null,
            Credits = 42,
            IsSetAside = true,
            Reason = "It is not known whether the video was bought. Check at https://kie.ai/logs whether the task is there.",
            Settle = [new("Resolve-KlingVideoTask 6 -TaskId <id>"), new("Resolve-KlingVideoTask 6 -Abandon")],
        });
        Add("harbour", card => card with
        {
            Status = CardStatus.Failed,
            State = KlingTaskState.Failed,
            Reason = "The service could not make the video: no reason given. It has cost nothing.",
            Settle = [new("ConvertTo-KlingVideo -LiteralPath 'harbour.png' -Prompt '", "'")],
        });
        Add("ridge", card => card with
        {
            Status = CardStatus.Unsaved,
            State = KlingTaskState.Succeeded,
            Credits = 42,
            Reason = "The video is paid for and not saved. The service keeps it for 14 days at most.",
            LinkUntil = DateTimeOffset.UtcNow.AddHours(5).AddMinutes(10),
            RecordUntil = DateTimeOffset.UtcNow.AddDays(-3),
            Settle = [new("Get-KlingVideoTask 8 | Save-KlingVideo -Destination 'videos'")],
        });
        Add("A storm over the sea", card => card with { Status = CardStatus.Pending, State = KlingTaskState.Generating, Credits = 42, IsSetAside = true });
        return this;
    }

    public GalleryFolder AddMany(int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (i < 40)
            {
                AddSaved($"video-{i:0000}");
            }
            else
            {
                GalleryCard same = _cards[i % 40];
                _cards.Add(same with { Key = $"key-{i + 1}", Id = i + 1, Name = $"video-{i:0000}", Stack = $"video-{i:0000}" });
            }
        }

        return this;
    }

    public void Write(string title = "The night of 25 November", string id = Id)
    {
        using var page = new StreamWriter(Page, append: false, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        new GalleryDocument(Cards) { Id = id, Title = title, Place = Folder }.Write(page, TestContext.Current.CancellationToken);
    }

    /// <summary>Puts a choice into a card, as an export does that was given a choice file.</summary>
    public void Choose(string key, GalleryChoice choice) => _cards[_cards.FindIndex(card => card.Key == key)] = _cards.Single(card => card.Key == key) with { Choice = choice };
}
