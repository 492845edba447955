using KlingPS.Core.Gallery;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Saving;

namespace KlingPS.Core.Tests.Gallery;

public sealed class PortableGalleryTests : IDisposable
{
    private readonly GalleryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Media => _folder.PathOf("send/gallery_files");

    private GalleryOptions Options => new() { Path = _folder.PathOf("send/gallery.html"), IsPortable = true };

    public void Dispose() => _folder.Dispose();

    private string[] Copies() => [.. Directory.GetFiles(Media).Select(path => Path.GetFileName(path)).Where(name => name != "klingps-gallery.json").Order(StringComparer.Ordinal)];

    [Fact]
    public async Task The_videos_and_images_are_beside_the_page_and_linked_to()
    {
        KlingVideoTask task = _folder.Task(1, "a/50% #1?.png", "v/fox.mp4");

        WrittenPage page = await GalleryFolder.ExportAsync(Options, task);

        Assert.Equal(["50% #1_.png", "fox.mp4"], Copies());
        Assert.Equal(("gallery_files/fox.mp4", "gallery_files/50%25%20%231_.png"), (page.LinkOf(0, "href"), page.LinkOf(0, "src")));
        Assert.Equal(File.ReadAllBytes(task.SavedPath!), File.ReadAllBytes(Path.Combine(Media, "fox.mp4")));
    }

    [Fact]
    public async Task Nothing_of_this_machine_or_account_is_in_the_page()
    {
        KlingVideoTask task = _folder.Task(1, "a/fox.png", "v/fox.mp4");
        task = task with
        {
            Account = "0123456789abcdef",
            Nonce = "secret-nonce",
            ResultUri = "https://files.example/481516234207/fox.mp4",
            Spec = task.Spec with { Image = task.Spec.Image! with { Uri = "https://uploads.example/kieai/481516234207/fox.png" }, CallbackUri = "https://me.example/hook", TailImage = MediaSource.FromFile(_folder.Image("b/tail.png")) },
        };
        KlingVideoTask failed = _folder.Task(2, "a/bear.png", state: KlingTaskState.Failed) with { FailMessage = $"cannot fetch https://uploads.example/kieai/481516234207/x or {_folder.PathOf("a")}" };
        KlingVideoTask address = _folder.Task(3, state: KlingTaskState.Failed) with { Spec = new VideoSpec { Prompt = "p", Image = MediaSource.FromUri("https://me.example/private.png?token=secret") } };

        GalleryEntry[] entries = [.. new[] { task, failed, address }.Select(shown => new GalleryEntry(EntryOrigin.Ledger, shown, shown.SavedPath)), _folder.Stray("secret-client/john/clip.mp4")];
        WrittenPage page = await GalleryFolder.ExportAsync(Options, entries);

        string all = page.Text + File.ReadAllText(Path.Combine(Media, "klingps-gallery.json"));
        foreach (string secret in (string[])[_folder.Root, "0123456789abcdef", "secret", "john", "../", "481516234207", "me.example", "Resolve-Kling", "Get-KlingVideoTask -"])
        {
            Assert.DoesNotContain(secret, all, StringComparison.Ordinal);
        }

        Assert.Contains("tail.png", page.Text, StringComparison.Ordinal);
        Assert.Equal([string.Empty], page.Data.GetProperty("folders").EnumerateArray().Select(folder => folder.GetString()));
        Assert.False(page.Data.TryGetProperty("place", out _));
    }

    [Fact]
    public async Task A_video_without_a_task_has_one_key_in_a_page_for_others_and_in_ones_own()
    {
        GalleryEntry stray = _folder.Stray("clips/clip.mp4");
        GalleryEntry unreadable = new(EntryOrigin.File, null, _folder.PathOf("clips/gone.mp4"));

        WrittenPage own = await GalleryFolder.ExportAsync(new GalleryOptions { Path = _folder.Page }, [stray, unreadable]);
        WrittenPage others = await GalleryFolder.ExportAsync(Options, [stray, unreadable]);

        Assert.Equal(own.Items.Select(item => item.GetProperty("key").GetString()), others.Items.Select(item => item.GetProperty("key").GetString()));
        Assert.Equal($"file:{GalleryFolder.HashOf(stray.VideoPath!)}", own.Items[0].GetProperty("key").GetString());
        Assert.DoesNotContain("clips", others.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_that_was_replaced_since_is_not_handed_on()
    {
        KlingVideoTask before = _folder.Task(1, "fox.png", "v/fox.mp4");
        File.WriteAllBytes(before.SourcePath!, Imaging.ImageBytes.Png(300, 200));
        KlingVideoTask after = _folder.Task(2, "bear.png", "v/fox-2.mp4");
        after = after with { Spec = after.Spec with { Image = MediaSource.FromFile(before.SourcePath!) with { Hash = GalleryFolder.HashOf(before.SourcePath!) } } };

        WrittenPage page = await GalleryFolder.ExportAsync(Options, before);
        Assert.Equal(["fox.mp4"], Copies());
        Assert.Null(page.LinkOf(0, "src"));
        Assert.Contains("image left out", page.Cards[0], StringComparison.Ordinal);
        Assert.Equal("Its image was left out: the file is gone, or is not the one that the video was made from.", page.TextOf(0, "reason"));
        Assert.False(page.Items[0].TryGetProperty("again", out _));

        WrittenPage both = await GalleryFolder.ExportAsync(Options, before, after);
        Assert.Equal(["fox-2.mp4", "fox.mp4", "fox.png"], Copies());
        Assert.Equal([null, "gallery_files/fox.png"], both.Items.Select((_, card) => both.LinkOf(card, "src")).Order(StringComparer.Ordinal));

        // Nor is a third one, though there is a copy of the second.
        File.WriteAllBytes(before.SourcePath!, [.. Imaging.ImageBytes.Png(300, 200), 0]);
        await GalleryFolder.ExportAsync(Options, before, after);
        Assert.Equal(["fox-2.mp4", "fox.mp4"], Copies());
    }

    [Fact]
    public async Task Notes_are_counted_for_they_are_handed_on()
    {
        KlingVideoTask task = _folder.Task(1, "fox.png", "v/fox.mp4");
        GalleryEntry entry = new(EntryOrigin.Ledger, task, task.SavedPath) { Choice = new GalleryChoice(Decision.Picked, 4, "too dark") };

        WrittenGallery written = await new GalleryWriter(Options).WriteAsync([entry, _folder.Stray("clip.mp4")], new Takes([]), null, (_, _) => { }, Token);

        Assert.Equal(new WrittenGallery(Notes: 1, FormerMedia: null), written);
        Assert.Equal("too dark", WrittenPage.Read(Options.Path).Items.Single(item => item.GetProperty("key").GetString() == "t1").GetProperty("note").GetString());
    }

    [Fact]
    public async Task Pages_that_differ_in_their_extension_alone_have_folders_of_their_own()
    {
        KlingVideoTask fox = _folder.Task(1, "fox.png", "v/fox.mp4");
        KlingVideoTask bear = _folder.Task(2, "bear.png", "v/bear.mp4");
        GalleryOptions other = Options with { Path = _folder.PathOf("send/gallery.htm") };

        await GalleryFolder.ExportAsync(Options, fox);
        await GalleryFolder.ExportAsync(other, bear);
        WrittenPage first = await GalleryFolder.ExportAsync(Options, fox);
        WrittenPage second = await GalleryFolder.ExportAsync(other, bear);

        Assert.Equal(("gallery_files/fox.mp4", "gallery-2_files/bear.mp4"), (first.LinkOf(0, "href"), second.LinkOf(0, "href")));
        Assert.Equal(["fox.mp4", "fox.png"], Copies());
        Assert.True(File.Exists(_folder.PathOf("send/gallery-2_files/bear.mp4")));
    }

    [Theory]
    [InlineData("a folder")]
    [InlineData("too long")]
    public async Task A_page_is_written_beside_a_folder_of_copies_whose_list_cannot_be_read(string list)
    {
        KlingVideoTask task = _folder.Task(1, "fox.png", "v/fox.mp4");
        string path = _folder.Write("gallery_files/klingps-gallery.json", []);
        if (list == "a folder")
        {
            File.Delete(path);
            Directory.CreateDirectory(path);
        }
        else
        {
            using FileStream file = File.OpenWrite(path);
            file.SetLength(33L * 1024 * 1024);
        }

        WrittenGallery written = await new GalleryWriter(new GalleryOptions { Path = _folder.Page }).WriteAsync(
            [new GalleryEntry(EntryOrigin.Ledger, task, task.SavedPath)], new Takes([]), null, (_, _) => { }, Token);

        Assert.Equal(new WrittenGallery(Notes: 0, FormerMedia: null), written);
        Assert.Single(WrittenPage.Read(_folder.Page).Items);
    }

    [Theory]
    [InlineData("new/")]
    [InlineData("taken/gallery.html")]
    [InlineData("new/{long}.html")]
    public async Task A_page_that_cannot_be_written_is_said_so_before_anything_is_copied(string path)
    {
        File.WriteAllText(_folder.PathOf("taken"), "mine");
        KlingVideoTask task = _folder.Task(1, "fox.png", "v/fox.mp4");
        GalleryOptions options = Options with { Path = _folder.PathOf(path.Replace("{long}", new string('x', 300), StringComparison.Ordinal)) };

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => GalleryFolder.ExportAsync(options, task));

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        Assert.Empty(Directory.GetDirectories(_folder.Root, "*_files", SearchOption.AllDirectories));
        Assert.Equal(["fox.mp4", "fox.png", "taken"], Directory.GetFiles(_folder.Root, "*", SearchOption.AllDirectories).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Who_can_read_a_page_follows_what_it_is_by_now()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no such permissions.");
            return;
        }

        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        KlingVideoTask task = _folder.Task(1, "fox.png", "v/fox.mp4");
        async Task<UnixFileMode> ModeAsync(bool isPortable)
        {
            await GalleryFolder.ExportAsync(Options with { IsPortable = isPortable }, task);
            return File.GetUnixFileMode(Options.Path);
        }

        // What the umask lets others do is theirs to do with the copies.
        UnixFileMode shared = await ModeAsync(isPortable: true);
        Assert.Equal(File.GetUnixFileMode(Path.Combine(Media, "fox.mp4")), shared);
        Assert.Equal(Owner, await ModeAsync(isPortable: false));
        Assert.Equal(shared, await ModeAsync(isPortable: true));

        File.SetUnixFileMode(Options.Path, Owner | UnixFileMode.GroupRead);
        Assert.Equal(Owner | UnixFileMode.GroupRead, await ModeAsync(isPortable: true));
    }

    [Fact]
    public async Task Another_variant_is_made_from_the_image_in_the_folder()
    {
        WrittenPage page = await GalleryFolder.ExportAsync(Options, _folder.Task(1, "a/fox.png", "v/fox.mp4"));

        Assert.Equal(
            "ConvertTo-KlingVideo -LiteralPath 'gallery_files/fox.png' -Prompt '0' -Duration 5 -Take 2",
            string.Concat(page.Items[0].GetProperty("again").EnumerateArray()));
    }

    [Fact]
    public async Task Different_files_of_one_name_keep_different_names()
    {
        KlingVideoTask[] tasks = [_folder.Task(1, "a/fox.png", "v/fox.mp4"), _folder.Task(2, "b/fox.png", "w/fox.mp4"), _folder.Task(3, "c/FOX.png", "x/fox.mp4")];

        WrittenPage page = await GalleryFolder.ExportAsync(Options, tasks);

        Assert.Equal(6, Copies().Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.Equal(3, page.Items.Select((_, card) => page.LinkOf(card, "href")).Distinct().Count());
        for (int card = 0; card < 3; card++)
        {
            int id = page.Items[card].GetProperty("id").GetInt32();
            Assert.Equal(TestMp4.Create(1000, id), File.ReadAllBytes(_folder.PathOf(Path.Combine("send", page.LinkOf(card, "href")!))));
        }
    }

    [Fact]
    public async Task Different_files_of_one_name_as_long_as_names_can_be_are_copied_too()
    {
        string name = new string('x', 250) + ".png";
        KlingVideoTask[] tasks = [_folder.Task(1, $"a/{name}", "v/1.mp4"), _folder.Task(2, $"b/{name}", "v/2.mp4")];

        WrittenPage page = await GalleryFolder.ExportAsync(Options, tasks).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

        Assert.Equal(2, page.Items.Select((_, card) => page.LinkOf(card, "src")).Distinct().Count());
        Assert.Equal(2, Copies().Count(copy => copy.EndsWith(".png", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Of_two_videos_of_one_name_the_one_that_is_left_is_not_shown_as_the_one_that_is_gone()
    {
        KlingVideoTask[] tasks = [_folder.Task(1, "a/fox.png", "v/fox.mp4"), _folder.Task(2, "b/fox.png", "w/fox.mp4")];
        DateTime saved = File.GetLastWriteTimeUtc(tasks[0].SavedPath!);
        File.SetLastWriteTimeUtc(tasks[1].SavedPath!, saved.AddMilliseconds(500));
        await GalleryFolder.ExportAsync(Options, tasks);

        WrittenPage page = await GalleryFolder.ExportAsync(Options, tasks[1]);

        Assert.Equal(TestMp4.Create(1000, 2), File.ReadAllBytes(_folder.PathOf(Path.Combine("send", page.LinkOf(0, "href")!))));
    }

    [Fact]
    public async Task Only_what_has_changed_is_copied_again()
    {
        KlingVideoTask fox = _folder.Task(1, "fox.png", "v/fox.mp4");
        KlingVideoTask bear = _folder.Task(2, "bear.png", "v/bear.mp4");
        await GalleryFolder.ExportAsync(Options, fox, bear);
        File.WriteAllBytes(fox.SavedPath!, TestMp4.Create(2000));
        var copied = new List<int>();

        await new GalleryWriter(Options).WriteAsync(
            [new(EntryOrigin.Ledger, fox, fox.SavedPath), new(EntryOrigin.Ledger, bear, bear.SavedPath)],
            new Takes([]),
            null,
            (_, all) => copied.Add(all),
            Token);

        Assert.Equal([1], copied);
        Assert.Equal(TestMp4.Create(2000), File.ReadAllBytes(Path.Combine(Media, "fox.mp4")));
        Assert.Equal(["bear.mp4", "bear.png", "fox.mp4", "fox.png"], Copies());
    }

    [Fact]
    public async Task Copies_that_are_not_shown_any_more_go_and_files_of_others_stay()
    {
        KlingVideoTask fox = _folder.Task(1, "fox.png", "v/fox.mp4");
        await GalleryFolder.ExportAsync(Options, fox, _folder.Task(2, "bear.png", "v/bear.mp4"), _folder.Task(3, "cat.png", "v/cat.mp4"));
        File.WriteAllText(Path.Combine(Media, "notes.txt"), "mine");
        File.WriteAllText(Path.Combine(Media, "cat.mp4"), "changed by somebody");

        await GalleryFolder.ExportAsync(Options, fox);

        Assert.Equal(["cat.mp4", "fox.mp4", "fox.png", "notes.txt"], Copies());
    }

    [Fact]
    public async Task A_file_of_somebody_else_is_not_overwritten_by_a_copy()
    {
        Directory.CreateDirectory(Media);
        File.WriteAllText(Path.Combine(Media, "fox.mp4"), "mine");

        WrittenPage page = await GalleryFolder.ExportAsync(Options, _folder.Task(1, "fox.png", "v/fox.mp4"));

        Assert.Equal("mine", File.ReadAllText(Path.Combine(Media, "fox.mp4")));
        Assert.Equal("gallery_files/fox-2.mp4", page.LinkOf(0, "href"));
    }

    [Fact]
    public async Task A_run_that_is_broken_off_leaves_nothing_half_and_the_next_one_finishes_it()
    {
        KlingVideoTask[] tasks = [_folder.Task(1, "fox.png", "v/fox.mp4"), _folder.Task(2, "bear.png", "v/bear.mp4")];
        using var stop = new CancellationTokenSource();
        GalleryEntry[] entries = [.. tasks.Select(task => new GalleryEntry(EntryOrigin.Ledger, task, task.SavedPath))];

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new GalleryWriter(Options).WriteAsync(
            entries,
            new Takes([]),
            null,
            (done, _) =>
            {
                if (done == 2)
                {
                    stop.Cancel();
                }
            },
            stop.Token));
        Assert.False(File.Exists(Options.Path));
        Assert.Equal(2, Copies().Length);
        File.WriteAllText(Path.Combine(Media, ".klingps-0123"), "what a killed process has left");

        await GalleryFolder.ExportAsync(Options, tasks);

        Assert.Equal(["bear.mp4", "bear.png", "fox.mp4", "fox.png"], Copies());
    }

    [Fact]
    public async Task Only_images_and_videos_are_handed_on()
    {
        KlingVideoTask task = _folder.Task(1, "fox.png", "v/fox.mp4");
        File.WriteAllText(task.SourcePath!, "-----BEGIN PRIVATE KEY-----");
        File.WriteAllText(task.SavedPath!, "password");

        WrittenPage page = await GalleryFolder.ExportAsync(Options, task);

        Assert.Empty(Copies());
        Assert.Equal((null, null), (page.LinkOf(0, "href"), page.LinkOf(0, "src")));
        Assert.Equal("The video could not be copied: it is gone, or is not a video.", page.TextOf(0, "reason"));
    }

    [Fact]
    public async Task An_image_that_only_a_sidecar_names_is_handed_on_only_if_it_is_the_one_that_was_meant()
    {
        KlingVideoTask task = _folder.Task(1, "private.png", "v/fox.mp4");
        foreach ((string? hash, string[] copies) in ((string?, string[])[])
            [
                (null, ["fox.mp4"]),
                (new string('a', 64), ["fox.mp4"]),
                (task.SourceHash, ["fox.mp4", "private.png"]),
            ])
        {
            KlingVideoTask told = task with { Spec = task.Spec with { Image = MediaSource.FromFile(task.SourcePath!) with { Hash = hash } } };

            await GalleryFolder.ExportAsync(Options, [new GalleryEntry(EntryOrigin.Sidecar, told, told.SavedPath)]);

            Assert.Equal(copies, Copies());
        }
    }

    [Fact]
    public async Task A_link_in_the_place_of_the_folder_is_not_followed()
    {
        Directory.CreateDirectory(_folder.PathOf("send"));
        Directory.CreateDirectory(_folder.PathOf("elsewhere"));
        Directory.CreateSymbolicLink(Media, _folder.PathOf("elsewhere"));

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => GalleryFolder.ExportAsync(Options, _folder.Task(1, "fox.png", "v/fox.mp4")));

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        Assert.Empty(Directory.GetFiles(_folder.PathOf("elsewhere")));
    }

    [Fact]
    public async Task A_list_that_is_damaged_makes_none_of_the_files_ours()
    {
        await GalleryFolder.ExportAsync(Options, _folder.Task(1, "fox.png", "v/fox.mp4"));
        File.WriteAllText(Path.Combine(Media, "klingps-gallery.json"), """{"copies":[{"name":"../../fox.png","length":1,"writtenAt":"2026-01-01T00:00:00Z"},null""");

        WrittenPage page = await GalleryFolder.ExportAsync(Options, _folder.Task(1, "fox.png", "v/fox.mp4"));

        Assert.Equal(["fox-2.mp4", "fox-2.png", "fox.mp4", "fox.png"], Copies());
        Assert.Equal("gallery_files/fox-2.mp4", page.LinkOf(0, "href"));
    }
}
