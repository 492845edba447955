using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using KlingPS.Core.Gallery;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Gallery;

public sealed class GalleryWriterTests : IDisposable
{
    private readonly GalleryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_card_shows_the_video_with_its_image_and_all_that_is_known_of_it()
    {
        KlingVideoTask task = _folder.Task(1, "fox.png", "videos/fox.mp4", prompt: "A fox <runs>\nover the snow.") with { };

        WrittenPage page = await _folder.ExportAsync(task);

        Assert.Equal(("videos/fox.mp4", "fox.png"), (page.LinkOf(0, "href"), page.LinkOf(0, "src")));
        Assert.Equal("fox.png", page.TextOf(0, "h2"));
        Assert.Equal($"5 s · 42 credits · {ModelCatalog.DefaultId}", page.TextOf(0, "about"));
        Assert.Equal("A fox <runs>\nover the snow.", page.TextOf(0, "prompt"));
        Assert.Null(page.TextOf(0, "state"));
        JsonElement item = Assert.Single(page.Items);
        Assert.Equal(("t1", 1, "saved", 42m), (item.GetProperty("key").GetString(), item.GetProperty("id").GetInt32(), item.GetProperty("status").GetString(), item.GetProperty("credits").GetDecimal()));
        Assert.Equal("2026-11-22T12:03:00Z", item.GetProperty("completed").GetString());
        Assert.Equal("2026-11-23T12:03:00Z", item.GetProperty("linkUntil").GetString());
        Assert.Equal("2027-01-22T12:03:00Z", item.GetProperty("recordUntil").GetString());
        Assert.Contains(item.GetProperty("facts").EnumerateArray(), fact => fact[0].GetString() == "Image" && fact[1].GetString() == _folder.PathOf("fox.png"));
        Assert.Contains("1 video (1 saved) · 42 credits · $0.21", WebUtility.HtmlDecode(page.Text), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_videos_make_the_same_bytes_in_whatever_order_they_come()
    {
        KlingVideoTask[] tasks = [.. Enumerable.Range(1, 20).Select(id => _folder.Task(id, $"fox{id % 7}.png", id % 3 == 0 ? null : $"v/fox{id}.mp4"))];

        WrittenPage first = await _folder.ExportAsync(tasks);
        WrittenPage again = await _folder.ExportAsync(tasks);
        WrittenPage other = await GalleryFolder.ExportAsync(new GalleryOptions { Path = _folder.PathOf("other.html") }, [.. tasks.Reverse()]);

        Assert.Equal(first.Text, again.Text);
        Assert.Equal(first.Text, other.Text);
    }

    [Fact]
    public async Task Takes_and_models_of_one_image_stand_together()
    {
        KlingVideoTask fox = _folder.Task(1, "fox.png", "v/fox.mp4");
        KlingVideoTask second = _folder.Task(4, "fox.png", "v/fox-2.mp4") with { Spec = fox.Spec with { Take = 2 } };
        KlingVideoTask other = _folder.Task(3, "fox.png", "v/fox-3.mp4") with { Spec = fox.Spec with { Model = "kling-2.6/image-to-video" } };

        WrittenPage page = await _folder.ExportAsync(second, _folder.Task(2, "bear.png", "v/bear.mp4"), other, fox);

        Assert.Equal(["t2", "t3", "t1", "t4"], page.Items.Select(item => item.GetProperty("key").GetString()));
        Assert.Equal([0, 1, 1, 1], page.Items.Select(item => item.TryGetProperty("stack", out JsonElement stack) ? stack.GetInt32() : 0));
    }

    [Fact]
    public async Task Another_variant_is_the_first_take_that_there_is_none_of()
    {
        KlingVideoTask fox = _folder.Task(1, "it's a fox.png", "v/fox.mp4", prompt: "It's");
        KlingVideoTask failed = _folder.Task(2, "it's a fox.png", state: KlingTaskState.Failed) with { Spec = fox.Spec with { Take = 4 } };

        WrittenPage page = await _folder.ExportAsync(fox, failed);

        Assert.Equal(
            $"""ConvertTo-KlingVideo -LiteralPath '{_folder.PathOf("it''s a fox.png")}' -Prompt 'It''s' -Duration 5 -Take 5 -Destination '{_folder.PathOf("v")}'""",
            Command(page.Items[0].GetProperty("again")));
    }

    [Fact]
    public async Task No_line_or_text_of_a_page_has_the_number_of_the_account_in_it()
    {
        MediaSource upload = MediaSource.FromUri("https://kieai.redpandaai.co/files/kieai/183531/klingps/fox.png");
        KlingVideoTask task = _folder.Task(1, "fox.png", "v/fox.mp4");
        KlingVideoTask adopted = task with { Spec = task.Spec with { Image = upload, TailImage = upload, ReferenceImages = new([upload]), Video = upload } };

        WrittenPage page = await _folder.ExportAsync(adopted, _folder.Task(2, "fox.png", state: KlingTaskState.Failed) with { Spec = adopted.Spec });

        Assert.DoesNotContain("183531", page.Text, StringComparison.Ordinal);
        Assert.StartsWith("ConvertTo-KlingVideo -LiteralPath '<the file that was uploaded>' -Prompt 'It moves.'", Command(page.Items[0].GetProperty("again")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_choice_for_a_video_that_a_narrower_page_does_not_show_is_on_the_next_one_again()
    {
        KlingVideoTask[] tasks = [_folder.Task(1, video: "v/fox.mp4"), _folder.Task(2, "bear.png", "v/bear.mp4")];
        GalleryEntry[] entries = [.. tasks.Select(task => new GalleryEntry(EntryOrigin.Ledger, task, task.SavedPath))];
        var options = new GalleryOptions { Path = _folder.Page };
        await GalleryFolder.ExportAsync(options, [entries[0], entries[1] with { Choice = new GalleryChoice(Decision.Picked, 4, "</script>", GalleryFolder.Created) { NotBefore = GalleryFolder.Created.AddHours(-1) } }]);

        WrittenPage narrow = await GalleryFolder.ExportAsync(options, entries[..1]);
        WrittenPage again = await GalleryFolder.ExportAsync(options, entries[..1]);
        WrittenPage wide = await GalleryFolder.ExportAsync(options, entries);

        Assert.Equal(("t2", "Picked"), (narrow.Data.GetProperty("elsewhere")[0].GetProperty("key").GetString(), narrow.Data.GetProperty("elsewhere")[0].GetProperty("choice").GetString()));
        Assert.Equal(narrow.Text, again.Text);
        Assert.Contains(wide.Items, item => item.GetProperty("key").GetString() == "t2" && item.GetProperty("note").GetString() == "</script>");
        Assert.Contains(wide.Items, item => item.TryGetProperty("judged", out JsonElement judged) && judged.GetString() == "2026-11-22T11:00:00Z");
        Assert.False(wide.Data.TryGetProperty("elsewhere", out _));
    }

    [Fact]
    public async Task A_page_for_others_neither_takes_along_nor_loses_what_was_chosen_for_videos_that_it_does_not_show()
    {
        KlingVideoTask[] tasks = [_folder.Task(1, video: "v/fox.mp4"), _folder.Task(2, "bear.png", "v/bear.mp4")];
        GalleryEntry[] entries = [.. tasks.Select(task => new GalleryEntry(EntryOrigin.Ledger, task, task.SavedPath))];
        var portable = new GalleryOptions { Path = _folder.Page, IsPortable = true };
        WrittenPage before = await GalleryFolder.ExportAsync(new GalleryOptions { Path = _folder.Page }, [entries[0], entries[1] with { Choice = new GalleryChoice(Decision.Picked, 4, "between us", GalleryFolder.Created) }]);

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => GalleryFolder.ExportAsync(portable, entries[..1]));

        Assert.Equal(ErrorKind.FileExists, error.Kind);
        Assert.Equal(before.Text, File.ReadAllText(_folder.Page));
        WrittenPage forced = await GalleryFolder.ExportAsync(portable with { Overwrite = true }, entries[..1]);
        Assert.DoesNotContain("between us", forced.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_choice_that_was_taken_back_is_remembered_by_the_page()
    {
        KlingVideoTask task = _folder.Task(1, video: "v/fox.mp4");
        GalleryEntry entry = new(EntryOrigin.Ledger, task, task.SavedPath);
        var options = new GalleryOptions { Path = _folder.Page };
        var picked = new GalleryChoice(Decision.Picked, 0, string.Empty, GalleryFolder.Created);

        await GalleryFolder.ExportAsync(options, [entry with { Choice = picked }]);
        await GalleryFolder.ExportAsync(options, [entry with { Choice = picked with { Decision = Decision.None, At = GalleryFolder.Created.AddMilliseconds(1500) } }]);
        await GalleryFolder.ExportAsync(options, [entry]);
        WrittenPage page = await GalleryFolder.ExportAsync(options, [entry with { Choice = picked }]);

        Assert.False(page.Items[0].TryGetProperty("choice", out _));
        Assert.Equal("2026-11-22T12:00:01.5Z", page.Items[0].GetProperty("at").GetString());
    }

    [Fact]
    public async Task A_choice_without_a_time_counts_from_when_it_was_first_shown()
    {
        KlingVideoTask task = _folder.Task(1, video: "v/fox.mp4");
        GalleryEntry entry = new GalleryEntry(EntryOrigin.Ledger, task, task.SavedPath) { Choice = new GalleryChoice(Decision.Picked, 0, string.Empty) };
        var options = new GalleryOptions { Path = _folder.Page, Now = GalleryFolder.Created };

        WrittenPage first = await GalleryFolder.ExportAsync(options, [entry]);
        WrittenPage again = await GalleryFolder.ExportAsync(options with { Now = GalleryFolder.Created.AddHours(1) }, [entry]);

        Assert.Equal("2026-11-22T12:00:00Z", first.Items[0].GetProperty("at").GetString());
        Assert.Equal(first.Text, again.Text);
    }

    [Fact]
    public async Task A_prompt_that_stands_in_the_card_is_not_written_again_into_commands()
    {
        WrittenPage page = await _folder.ExportAsync(_folder.Task(1, video: "v/fox.mp4", prompt: "Plain words."));

        Assert.Equal([JsonValueKind.String, JsonValueKind.Number, JsonValueKind.String], page.Items[0].GetProperty("again").EnumerateArray().Select(part => part.ValueKind));
        Assert.Single(page.Text.Split("Plain words.")[1..]);
    }

    [Theory]
    [InlineData(nameof(KlingTaskState.Succeeded), "unsaved", "The video is paid for and not saved. The service keeps it for 14 days at most.", "Get-KlingVideoTask -Id 1 | Save-KlingVideo -Destination '{folder}'")]
    [InlineData(nameof(KlingTaskState.Generating), "pending", "The service is making the video.", "Get-KlingVideoTask -Id 1 | Wait-KlingVideoTask | Save-KlingVideo -Destination '{folder}'")]
    [InlineData(nameof(KlingTaskState.Submitting), "pending", "The request for the video is on its way.", "Get-KlingVideoTask -Id 1")]
    [InlineData(nameof(KlingTaskState.Failed), "failed", "The service could not make the video: no faces (code 501). It has cost nothing.", "ConvertTo-KlingVideo -LiteralPath '{folder}/fox.png' -Prompt 'It moves.' -Duration 5 -Destination '{folder}' -RetryFailed")]
    [InlineData(nameof(KlingTaskState.Rejected), "rejected", "The video was not bought: no faces (code 501).", "ConvertTo-KlingVideo -LiteralPath '{folder}/fox.png' -Prompt 'It moves.' -Duration 5 -Destination '{folder}'")]
    [InlineData(nameof(KlingTaskState.Unknown), "unknown", "It is not known whether the video was bought: no faces (code 501). Check at https://kie.ai/logs whether the task is there.", "Resolve-KlingVideoTask 1 -TaskId '<the id at https://kie.ai/logs>'")]
    [InlineData(nameof(KlingTaskState.Abandoned), "abandoned", "It was not known whether the video was bought, and it was given up.", "ConvertTo-KlingVideo -LiteralPath '{folder}/fox.png' -Prompt 'It moves.' -Duration 5 -Destination '{folder}'")]
    public async Task A_video_that_is_not_on_disk_says_why_and_what_settles_it(string state, string status, string reason, string command)
    {
        KlingVideoTask task = _folder.Task(1, state: Enum.Parse<KlingTaskState>(state)) with { FailMessage = "no faces.", FailCode = "501" };

        WrittenPage page = await _folder.ExportAsync(task);

        Assert.Equal((status, reason), (page.Items[0].GetProperty("status").GetString(), page.TextOf(0, "reason")));
        Assert.Equal(command.Replace("{folder}", _folder.Root, StringComparison.Ordinal), page.TextOf(0, "settle"));
        Assert.Equal(page.TextOf(0, "settle"), Command(page.Items[0].GetProperty("settle")[0]));
        Assert.Null(page.LinkOf(0, "href"));
    }

    [Fact]
    public async Task A_video_that_the_service_has_forgotten_shows_what_it_cost_and_offers_another_take_but_not_the_same_one()
    {
        KlingVideoTask task = _folder.Task(1, state: KlingTaskState.Abandoned) with { TaskId = "t1", CreditsConsumed = 42 };

        WrittenPage page = await _folder.ExportAsync(task);

        Assert.Equal(("abandoned", "The service did not know the task any more, and it was given up. It may have been paid for."), (page.Items[0].GetProperty("status").GetString(), page.TextOf(0, "reason")));
        Assert.Equal(42, page.Items[0].GetProperty("credits").GetDecimal());
        Assert.Null(page.TextOf(0, "settle"));
        Assert.Contains("-Take 2", Command(page.Items[0].GetProperty("again")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_video_and_an_image_that_were_moved_have_a_card_that_says_so()
    {
        KlingVideoTask task = _folder.Task(1, video: "v/fox.mp4");
        File.Delete(task.SavedPath!);
        File.Delete(task.SourcePath!);

        WrittenPage page = await _folder.ExportAsync(task);

        Assert.Equal("missing", page.Items[0].GetProperty("status").GetString());
        Assert.Equal("The video is not there any more: it was moved or deleted. Its image is not there any more: it was moved or deleted.", page.TextOf(0, "reason"));
        Assert.Contains("image gone", page.Cards[0], StringComparison.Ordinal);
        Assert.Equal((null, null), (page.LinkOf(0, "href"), page.LinkOf(0, "src")));
        Assert.Equal(42, page.Items[0].GetProperty("credits").GetDecimal());
    }

    [Fact]
    public async Task Credits_of_a_pending_or_unknown_video_are_set_aside()
    {
        WrittenPage page = await _folder.ExportAsync(_folder.Task(1, state: KlingTaskState.Unknown), _folder.Task(2, video: "v/fox.mp4"));

        Assert.Equal([true, false], page.Items.Select(item => item.TryGetProperty("setAside", out _)).OrderDescending());
        Assert.Contains("84 credits, 42 of them set aside · $0.42", WebUtility.HtmlDecode(page.Text), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_that_was_written_before_is_replaced_and_keeps_its_id()
    {
        WrittenPage first = await _folder.ExportAsync(_folder.Task(2, video: "v/fox.mp4"));

        WrittenPage next = await _folder.ExportAsync(_folder.Task(1, "older.png"), _folder.Task(2, video: "v/fox.mp4"));

        Assert.Equal(2, next.Items.Count);
        Assert.Equal(first.Data.GetProperty("gallery").GetString(), next.Data.GetProperty("gallery").GetString());
        Assert.StartsWith($"<!DOCTYPE html>\n<!-- KlingPS gallery {first.Data.GetProperty("gallery").GetString()} -->", next.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_somebody_else_is_left_as_it_is_unless_the_user_allows_it()
    {
        File.WriteAllText(_folder.Page, "<!DOCTYPE html><p>mine");

        KlingException error = Assert.Throws<KlingException>(() => new GalleryWriter(new GalleryOptions { Path = _folder.Page }));

        Assert.Equal(ErrorKind.FileExists, error.Kind);
        Assert.Equal("<!DOCTYPE html><p>mine", File.ReadAllText(_folder.Page));
        WrittenPage page = await GalleryFolder.ExportAsync(new GalleryOptions { Path = _folder.Page, Overwrite = true }, _folder.Task(1));
        Assert.Single(page.Items);
    }

    [Fact]
    public void A_page_is_not_written_through_a_link_or_into_a_folder()
    {
        Directory.CreateDirectory(_folder.PathOf("folder.html"));
        File.WriteAllText(_folder.PathOf("target"), "mine");
        File.CreateSymbolicLink(_folder.PathOf("link.html"), _folder.PathOf("target"));

        foreach (string name in (string[])["folder.html", "link.html"])
        {
            KlingException error = Assert.Throws<KlingException>(() => new GalleryWriter(new GalleryOptions { Path = _folder.PathOf(name), Overwrite = true }));
            Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        }

        Assert.Equal("mine", File.ReadAllText(_folder.PathOf("target")));
    }

    [Fact]
    public async Task A_stopped_export_leaves_the_former_page_and_nothing_else()
    {
        WrittenPage first = await _folder.ExportAsync(_folder.Task(1, video: "v/fox.mp4"));
        string[] before = Directory.GetFiles(_folder.Root);
        using var stopped = new CancellationTokenSource();
        IEnumerable<GalleryEntry> Entries()
        {
            yield return new GalleryEntry(EntryOrigin.Ledger, _folder.Task(1, video: "v/fox.mp4"), null);
        }

        var writer = new GalleryWriter(new GalleryOptions { Path = _folder.Page });
        await stopped.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writer.WriteAsync(Entries(), new Takes([]), null, (_, _) => { }, stopped.Token));

        Assert.Equal(first.Text, File.ReadAllText(_folder.Page));
        Assert.Equal(before.Order(), Directory.GetFiles(_folder.Root).Order());
    }

    [Fact]
    public async Task Only_its_owner_can_read_a_page_until_he_lets_others()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no such permissions.");
            return;
        }

        await _folder.ExportAsync(_folder.Task(1));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.Page));

        const UnixFileMode Shared = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        File.SetUnixFileMode(_folder.Page, Shared | UnixFileMode.OtherWrite);
        await _folder.ExportAsync(_folder.Task(1), _folder.Task(2, "bear.png"));

        Assert.Equal(Shared, File.GetUnixFileMode(_folder.Page));
    }

    [Fact]
    public async Task A_task_that_is_given_twice_has_one_card_with_its_last_choice()
    {
        KlingVideoTask task = _folder.Task(1, video: "v/fox.mp4");
        GalleryEntry entry = new(EntryOrigin.Ledger, task, task.SavedPath);

        WrittenPage page = await GalleryFolder.ExportAsync(
            new GalleryOptions { Path = _folder.Page },
            [entry with { Choice = new GalleryChoice(Decision.Picked, 1, string.Empty) }, entry, entry with { Choice = new GalleryChoice(Decision.Rejected, 3, "no") }]);

        JsonElement item = Assert.Single(page.Items);
        Assert.Equal(("Rejected", 3, "no"), (item.GetProperty("choice").GetString(), item.GetProperty("rating").GetInt32(), item.GetProperty("note").GetString()));
    }

    [Fact]
    public async Task A_choice_that_a_page_shows_stays_on_it_until_a_later_one_comes()
    {
        KlingVideoTask task = _folder.Task(1, video: "v/fox.mp4");
        GalleryEntry entry = new(EntryOrigin.Ledger, task, task.SavedPath);
        var options = new GalleryOptions { Path = _folder.Page };
        DateTimeOffset noon = GalleryFolder.Created;

        async Task<string> ExportAsync(GalleryChoice? choice)
        {
            WrittenPage page = await GalleryFolder.ExportAsync(options, [entry with { Choice = choice }]);
            JsonElement item = page.Items[0];
            return item.TryGetProperty("choice", out JsonElement decision) ? $"{decision.GetString()} {item.GetProperty("note").GetString()}" : "nothing";
        }

        Assert.Equal("nothing", await ExportAsync(null));
        Assert.Equal("Picked </script>", await ExportAsync(new GalleryChoice(Decision.Picked, 4, "</script>", noon)));
        Assert.Equal("Picked </script>", await ExportAsync(null));
        Assert.Equal("Picked </script>", await ExportAsync(new GalleryChoice(Decision.Rejected, 0, "before", noon.AddHours(-1))));
        Assert.Equal("Rejected after", await ExportAsync(new GalleryChoice(Decision.Rejected, 0, "after", noon.AddHours(1))));
        Assert.Equal("Picked by hand", await ExportAsync(new GalleryChoice(Decision.Picked, 0, "by hand")));
        Assert.Equal("nothing", await ExportAsync(new GalleryChoice(Decision.None, 0, string.Empty, noon.AddHours(2))));
    }

    [Fact]
    public async Task A_page_that_somebody_has_changed_is_replaced_all_the_same()
    {
        KlingVideoTask task = _folder.Task(1, video: "v/fox.mp4");
        await GalleryFolder.ExportAsync(new GalleryOptions { Path = _folder.Page }, [new GalleryEntry(EntryOrigin.Ledger, task, task.SavedPath) { Choice = new GalleryChoice(Decision.Picked, 4, "n") }]);
        string text = File.ReadAllText(_folder.Page);
        foreach (string changed in (string[])[text[..500], text.Replace("\"items\":[", "\"items\":[7,", StringComparison.Ordinal), text.Replace("\"rating\":4", "\"rating\":4e99", StringComparison.Ordinal)])
        {
            File.WriteAllText(_folder.Page, changed);

            Assert.Single((await _folder.ExportAsync(task)).Items);
        }
    }

    [Fact]
    public async Task Hostile_texts_stay_texts()
    {
        const string Hostile = "</script><script>alert(1)</script><!--\u2028\u202e\u001b[2J\" onload=\"x' \\";
        KlingVideoTask task = _folder.Task(1, prompt: Hostile, state: KlingTaskState.Failed) with { FailMessage = Hostile, FailCode = "<b>" };

        WrittenPage page = await GalleryFolder.ExportAsync(new GalleryOptions { Path = _folder.Page, Title = Hostile }, task);

        Assert.DoesNotContain("<script>alert", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\u202e", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\" onload=\"", page.Text, StringComparison.Ordinal);
        Assert.Equal(VisibleText.Of(Hostile), page.TextOf(0, "prompt"));
        Assert.Equal(Hostile, page.Items[0].GetProperty("prompt").GetString());
        Assert.Equal(Hostile, page.Data.GetProperty("title").GetString());
    }

    [Theory]
    [InlineData(@"\\evil.example\share\x.png")]
    [InlineData("//evil.example/share/x.png")]
    [InlineData(@"/\evil.example\share\x.png")]
    [InlineData(@"\/evil.example/share/x.png")]
    [InlineData(@"\??\UNC\evil.example\share\x.png")]
    public void However_the_path_of_a_server_is_spelled_it_leads_elsewhere(string path)
    {
        // Where paths begin with a slash, one that does is of this machine.
        Assert.Equal(OperatingSystem.IsWindows() || path[0] == '\\', CardMaker.IsElsewhere(path, Path.GetFullPath("fox.mp4")));
        Assert.False(CardMaker.IsElsewhere(path[1..], Path.GetFullPath("fox.mp4")));
    }

    [Fact]
    public async Task A_sidecar_that_names_an_image_on_a_server_does_not_make_anyone_log_on_there()
    {
        KlingVideoTask task = _folder.Task(1, video: "v/fox.mp4") with { Spec = new VideoSpec { Prompt = "p", Image = MediaSource.FromFile("//evil.example/share/x.png") with { Hash = "aa" } } };

        WrittenPage page = await GalleryFolder.ExportAsync(new GalleryOptions { Path = _folder.Page }, [new GalleryEntry(EntryOrigin.Sidecar, task, task.SavedPath)]);

        Assert.Null(page.LinkOf(0, "src"));
        Assert.Contains("image gone", page.Cards[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_on_the_web_is_not_said_to_be_gone()
    {
        KlingVideoTask task = _folder.Task(1, video: "v/fox.mp4") with { Spec = new VideoSpec { Prompt = "p", Image = MediaSource.FromUri("https://photos.example/a%20b.jpg") } };
        KlingVideoTask text = _folder.Task(2, video: "v/bear.mp4") with { Spec = new VideoSpec { Prompt = "q" } };

        WrittenPage page = await _folder.ExportAsync(task, text);

        Assert.Equal(["<span class=\"blank\">image on the web</span>", "<span class=\"blank\">no image</span>"], page.Cards.Select(card => Regex.Match(card, "<span class=\"blank\".*?</span>").Value).Order(StringComparer.Ordinal));
        Assert.All(page.Cards, card => Assert.DoesNotContain("class=\"reason\"", card, StringComparison.Ordinal));
        Assert.Contains("https://photos.example/a%20b.jpg", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tabs_and_lines_of_a_prompt_stay_as_they_are()
    {
        const string Prompt = "first:\tone\nsecond:\ttwo";

        WrittenPage page = await _folder.ExportAsync(_folder.Task(1, prompt: Prompt));

        Assert.Equal(Prompt, page.TextOf(0, "prompt"));
        Assert.DoesNotContain("U+0009", page.Text, StringComparison.Ordinal);
    }

    private static string Command(JsonElement parts) => string.Concat(parts.EnumerateArray().Select(part => part.ValueKind == JsonValueKind.Number ? "It moves." : part.GetString()));
}
