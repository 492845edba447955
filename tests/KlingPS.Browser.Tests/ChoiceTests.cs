using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using KlingPS.Core.Gallery;
using KlingPS.Tests.Hosting;

namespace KlingPS.Browser.Tests;

public class ChoiceTests(Browser browser)
{
    [Theory]
    [InlineData(From.File)]
    [InlineData(From.Server)]
    public async Task A_choice_is_there_again_when_the_page_is_opened_again(From from)
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(3);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery, from);
        await ChooseAsync(open);
        await Assertions.Expect(open.Page.Locator("#save-json")).ToHaveAttributeAsync("title", "4 changes not in a file yet");

        await open.HasKeptAsync();
        await open.ReloadAsync();
        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("picked rated");
        await Assertions.Expect(open.CardOf("video-0001")).ToContainClassAsync("rejected");
        await Assertions.Expect(open.CardOf("video-0002")).ToContainClassAsync("rated");
        await Assertions.Expect(open.Page.Locator("#save-json")).ToHaveAttributeAsync("title", "4 changes not in a file yet");
    }

    [Theory]
    [InlineData(From.File)]
    [InlineData(From.Server)]
    public async Task A_choice_goes_out_as_a_file_and_comes_in_again(From from)
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(3);
        gallery.Write();
        string saved;
        await using (OpenPage open = await OpenPage.OpenAsync(browser, gallery, from))
        {
            await ChooseAsync(open);
            (string name, saved) = await SaveAsync(open, "#save-json");
            Assert.Equal("gallery.choice.json", name);
            await Assertions.Expect(open.Page.Locator("#save-json")).ToHaveTextAsync("Save choice");
        }

        using var json = JsonDocument.Parse(saved);
        Assert.Equal(GalleryFolder.Id, json.RootElement.GetProperty("gallery").GetString());
        JsonElement first = json.RootElement.GetProperty("choices").EnumerateArray().Single(choice => choice.GetProperty("key").GetString() == "key-1");
        Assert.Equal("Picked", first.GetProperty("choice").GetString());
        Assert.Equal(5, first.GetProperty("rating").GetInt32());
        Assert.Equal("task00000001", first.GetProperty("taskId").GetString());
        Assert.Equal("video-0000.mp4", first.GetProperty("video").GetString());

        await using OpenPage other = await OpenPage.OpenAsync(browser, gallery, from);
        await Assertions.Expect(other.CardOf("video-0000")).Not.ToContainClassAsync("picked");
        await LoadAsync(other, saved);
        await Assertions.Expect(other.Page.Locator("#toast")).ToContainTextAsync("Loaded 3 choices");
        await Assertions.Expect(other.CardOf("video-0000")).ToContainClassAsync("picked rated");
        await Assertions.Expect(other.CardOf("video-0001")).ToContainClassAsync("rejected");
    }

    [Fact]
    public async Task What_was_chosen_in_the_browser_comes_back_in_the_shell_and_goes_out_again()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        (await shell.RunAsync("$null = $images | ConvertTo-KlingVideo -Prompt 'It''s moving: 50 % \"fast\".' -Destination $folder; $null = Export-KlingGallery $page", new
        {
            images = shell.Images("fox.png", "bear.png", "owl #1 %.png"),
            folder = shell.Destination,
            page = Path.Combine(shell.Folder, "gallery.html"),
        })).Clean();
        using var gallery = new GalleryFolder(shell.Folder);
        await using (OpenPage open = await OpenPage.OpenAsync(browser, gallery))
        {
            await open.HasNamesAsync("bear.png", "fox.png", "owl #1 %.png");
            await ChooseAsync(open);
            await open.PressAsync("n");
            await open.Page.FillAsync("#large-note", "=SUM(1)\nsaid \"no\"");
            await open.PressAsync("Escape");
            foreach (string format in (string[])["json", "csv"])
            {
                await File.WriteAllTextAsync(Path.Combine(shell.Folder, $"choice.{format}"), (await SaveAsync(open, $"#save-{format}")).Content, TestContext.Current.CancellationToken);
            }
        }

        foreach (string format in (string[])["json", "csv"])
        {
            File.Delete(gallery.Page);
            ShellResult result = (await shell.RunAsync(
                "$chosen = Import-KlingGalleryChoice $choice; $chosen | ForEach-Object { [IO.Path]::GetFileName($_.SourcePath), $_.Choice, $_.Rating, $_.Note -join '|' };" +
                "$null = Export-KlingGallery $page -Choice $choice",
                new { choice = Path.Combine(shell.Folder, $"choice.{format}") })).Clean();
            Assert.Equal(["bear.png|Picked|5|", "fox.png|Rejected|0|", "owl #1 %.png|None|2|=SUM(1)\nsaid \"no\""], result.Of<string>().Order());

            await using OpenPage again = await OpenPage.OpenAsync(browser, gallery);
            await Assertions.Expect(again.CardOf("bear.png")).ToContainClassAsync("picked rated");
            await Assertions.Expect(again.CardOf("fox.png")).ToContainClassAsync("rejected");
            await Assertions.Expect(again.CardOf("owl #1 %.png")).ToContainClassAsync("rated noted");
        }
    }

    [Fact]
    public async Task A_choice_for_people_is_a_table_in_which_no_text_is_a_formula()
    {
        using var gallery = new GalleryFolder();
        gallery.AddSaved("=1+1");
        gallery.AddSaved("boat");
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await open.CardOf("boat").Locator(".poster").FocusAsync();
        await open.PressAsync("p", "3", "n");
        await open.Page.FillAsync("#large-note", "'=\"yes\",\n-2");
        await open.PressAsync("Escape");

        (string name, string saved) = await SaveAsync(open, "#save-csv");
        Assert.Equal("gallery.choice.csv", name);
        string chosen = ChoiceStamp.ChecksumOf(new GalleryChoice(Decision.Picked, 3, "'=\"yes\",\n-2")).ToString("x8", CultureInfo.InvariantCulture);
        string unchosen = ChoiceStamp.ChecksumOf(new GalleryChoice(Decision.None, 0, string.Empty)).ToString("x8", CultureInfo.InvariantCulture);
        Assert.Equal(
            "\ufeff" +
            "\"Key\",\"Id\",\"TaskId\",\"Name\",\"Model\",\"Take\",\"State\",\"Credits\",\"Choice\",\"Rating\",\"Note\",\"Video\",\"Stamp\"\r\n" +
            $"\"key-1\",\"1\",\"task00000001\",\"'=1+1\",\"kling/v2-5-turbo-image-to-video-pro\",\"1\",\"Succeeded\",\"42\",\"\",\"0\",\"\",\"%3D1%2B1.mp4\",\"unchosen TIME {unchosen}\"\r\n" +
            $"\"key-2\",\"2\",\"task00000002\",\"boat\",\"kling/v2-5-turbo-image-to-video-pro\",\"1\",\"Succeeded\",\"42\",\"Picked\",\"3\",\"''=\"\"yes\"\",\n-2\",\"boat.mp4\",\"TIME since TIME {chosen}\"\r\n",
            Regex.Replace(saved, @"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME"));
    }

    [Theory]
    [InlineData(",", "")]
    [InlineData(";", "\ufeff")]
    [InlineData("\t", "")]
    public async Task A_table_that_was_changed_in_a_spreadsheet_is_taken_by_the_page(string separator, string mark)
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(4);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await ChooseAsync(open);
        string saved = (await SaveAsync(open, "#save-csv")).Content.TrimStart('\ufeff');
        string changed = saved.Replace("\"Picked\",\"5\",\"\"", "\"x\",\"1\",\"said \"\"no\"\";\nand, once more,\tno\"", StringComparison.Ordinal);
        Assert.NotEqual(saved, changed);

        // A choice of this page that comes after the table was saved, and is not touched in it.
        await open.CardOf("video-0003").Locator(".poster").FocusAsync();
        await open.PressAsync("p");
        await LoadAsync(open, mark + changed.Replace("\",\"", $"\"{separator}\"", StringComparison.Ordinal), "my choice.csv");

        await Assertions.Expect(open.Page.Locator("#toast")).ToContainTextAsync("Loaded 1 choice from my choice.csv.");
        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("rejected rated noted");
        await Assertions.Expect(open.CardOf("video-0001")).ToContainClassAsync("rejected");
        await Assertions.Expect(open.CardOf("video-0003")).ToContainClassAsync("picked");
        open.AssertNoErrors();
    }

    [Fact]
    public async Task A_table_with_two_lines_for_one_video_and_words_that_are_no_choice_is_taken_without_them()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 4);
        await LoadAsync(open, "Note,Key,Choice,Rating\n,key-1,Picked,\n,key-1,Rejected,\n,key-2,Maybe,\n,key-3,p,7\nyes,key-4,,\n", "t.csv");

        await Assertions.Expect(open.Page.Locator("#toast")).ToContainTextAsync("Loaded 1 choice from t.csv. 4 entries could not be read and were left out.");
        await Assertions.Expect(open.CardOf("video-0003")).ToContainClassAsync("noted");
        await Assertions.Expect(open.CardOf("video-0000")).Not.ToContainClassAsync("picked");
        open.AssertNoErrors();
    }

    [Fact]
    public async Task What_the_page_was_written_with_comes_before_what_the_browser_has_kept_of_the_same_time()
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(3);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await ChooseAsync(open);
        using var json = JsonDocument.Parse((await SaveAsync(open, "#save-json")).Content);
        string at = json.RootElement.GetProperty("choices").EnumerateArray().Single(choice => choice.GetProperty("key").GetString() == "key-1").GetProperty("at").GetString()!;

        // The same choice with other words, as a script hands it to the next export.
        gallery.Choose("key-1", new GalleryChoice(Decision.Rejected, 1, "changed", DateTimeOffset.Parse(at, CultureInfo.InvariantCulture)));
        gallery.Write();
        await open.HasKeptAsync();
        await open.ReloadAsync();

        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("rejected rated noted");
    }

    [Theory]
    [InlineData("#save-json", "choice.json")]
    [InlineData("#save-csv", "choice.csv")]
    public async Task Stars_a_note_or_undo_on_a_rejected_video_are_not_one_more_rejection(string button, string name)
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(1);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await open.FocusFirstAsync();
        await open.PressAsync("x", "2");
        DateTimeOffset judged = (await ReadAsync()).NotBefore!.Value;
        await open.PressAsync("n");
        await open.Page.FillAsync("#large-note", "hands");
        await open.PressAsync("Escape");
        GalleryChoice noted = await ReadAsync();
        await open.PressAsync("1");
        GalleryChoice rated = await ReadAsync();
        await open.PressAsync("u", "Control+z");
        GalleryChoice undone = await ReadAsync();
        await open.PressAsync("u", "x");
        GalleryChoice rejectedAgain = await ReadAsync();

        Assert.Equal(("hands", judged, true), (noted.Note, noted.NotBefore, noted.At > judged));
        Assert.Equal((1, judged, true), (rated.Rating, rated.NotBefore, rated.At > noted.At));
        Assert.Equal((Decision.Rejected, judged, true), (undone.Decision, undone.NotBefore, undone.At > rated.At));
        Assert.Equal((Decision.Rejected, rejectedAgain.At), (rejectedAgain.Decision, rejectedAgain.NotBefore));
        Assert.True(noted.IsDated && rated.IsDated && undone.IsDated);

        async Task<GalleryChoice> ReadAsync() => Assert.Single(ChoiceFile.Parse(name, (await SaveAsync(open, button)).Content.TrimStart('\ufeff')).Rows).Choice;
    }

    [Theory]
    [InlineData("c.json", "{\"format\":\"KlingPS gallery choice\",\"version\":1,\"saved\":\"2026-11-26T12:00:00Z\",\"choices\":[{\"key\":\"KEY\",\"choice\":\"Rejected\"}]}")]
    [InlineData("c.json", "{\"format\":\"KlingPS gallery choice\",\"version\":1,\"choices\":[{\"key\":\"KEY\",\"choice\":\"Rejected\"}]}")]
    [InlineData("c.csv", "Key,Choice\r\nKEY,Rejected\r\n")]
    public async Task A_choice_that_does_not_say_when_was_made_at_the_latest_then_on_its_way_through_the_page_as_well(string name, string text)
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(1);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        string key = await open.Page.EvaluateAsync<string>("JSON.parse(document.getElementById('gallery-data').textContent).items[0].key");

        await LoadAsync(open, text.Replace("KEY", key, StringComparison.Ordinal), name);
        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("rejected");

        foreach (string button in (string[])["#save-json", "#save-csv"])
        {
            GalleryChoice saved = Assert.Single(ChoiceFile.Parse(name, (await SaveAsync(open, button)).Content.TrimStart('\ufeff')).Rows).Choice;
            Assert.Equal((Decision.Rejected, DateTimeOffset.UnixEpoch, true), (saved.Decision, saved.NotBefore, saved.At > saved.NotBefore));
        }
    }

    [Fact]
    public async Task A_choice_that_was_made_before_the_task_had_an_id_is_there_when_it_has_one()
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(2);
        GalleryCard card = gallery.Cards[0];
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        string key = $"attempt-{card.Id}-{card.Created.UtcDateTime:yyyyMMdd'T'HHmmss}123Z";

        await LoadAsync(open, $"Key,Choice\n{key},Picked\n", "t.csv");

        await Assertions.Expect(open.CardOf(card.Name)).ToContainClassAsync("picked");
    }

    [Fact]
    public async Task A_file_that_is_no_choice_of_this_gallery_is_said_so_and_changes_nothing()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 3);
        await ChooseAsync(open);

        foreach ((string content, string words) in ((string, string)[])
            [
                ("not json at all", "it is not readable as JSON"),
                ("{\"format\":\"something else\",\"choices\":[]}", "is not a saved choice"),
                ("{\"format\":\"KlingPS gallery choice\",\"version\":2,\"gallery\":\"0123456789abcdef0123456789abcdef\",\"choices\":[]}", "a later version"),
                ("null", "is not a saved choice"),
                ("{\"format\":\"KlingPS gallery choice\",\"version\":1,\"gallery\":\"ffff\",\"title\":\"<b>Other</b>\",\"choices\":[{\"key\":\"else\",\"choice\":\"Picked\"}]}", "belongs to another gallery, <b>Other</b>"),
            ])
        {
            await LoadAsync(open, content);
            await Assertions.Expect(open.Page.Locator("#toast")).ToContainTextAsync(words);
            await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("picked rated");
        }

        open.AssertNoErrors();
    }

    [Fact]
    public async Task Of_a_file_edited_by_hand_what_can_be_read_is_taken()
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(3);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);

        await LoadAsync(open, """
            {"format":"KlingPS gallery choice","version":1,"gallery":"0123456789abcdef0123456789abcdef","choices":[
              {"key":"key-1","choice":"Picked","rating":2,"note":"<img src=x onerror=alert(1)>"},
              {"key":"key-2","rating":9},{"key":"key-3","choice":"perhaps"},17,null,{"key":"gone","choice":"Rejected","rating":1}]}
            """);
        await Assertions.Expect(open.Page.Locator("#toast")).ToContainTextAsync("4 entries could not be read and were left out.");
        await Assertions.Expect(open.Page.Locator("#toast")).ToContainTextAsync("1 video of it is not here.");
        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("picked rated noted");

        // What belongs to videos that are not here is not lost.
        await open.FocusFirstAsync();
        await open.PressAsync("1");
        Assert.Contains("\"gone\"", (await SaveAsync(open, "#save-json")).Content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_later_choice_wins()
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(3);
        gallery.Choose("key-1", new GalleryChoice(Decision.Rejected, 1, "by the export", new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)));
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("rejected rated noted");

        await open.FocusFirstAsync();
        await open.PressAsync("p");
        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("picked");
        await open.HasKeptAsync();
        await open.ReloadAsync();
        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("picked");

        await LoadAsync(open, """
            {"format":"KlingPS gallery choice","version":1,"gallery":"0123456789abcdef0123456789abcdef","choices":[
              {"key":"key-1","choice":"Rejected","at":"2026-01-02T00:00:00Z"},{"key":"key-2","choice":"Picked","at":"2026-01-02T00:00:00Z"}]}
            """);
        await Assertions.Expect(open.Page.Locator("#toast")).ToContainTextAsync("1 other was no later than yours.");
        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("picked");
        await Assertions.Expect(open.CardOf("video-0001")).ToContainClassAsync("picked");
    }

    [Theory]
    [InlineData("Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('denied', 'SecurityError'); } })")]
    [InlineData("IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); }")]
    [InlineData("window.BroadcastChannel = class { constructor() { throw new DOMException('denied', 'SecurityError'); } }; delete window.indexedDB; window.indexedDB = undefined")]
    public async Task A_browser_that_keeps_nothing_is_said_so(string before)
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(3);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery, before: before);
        await ChooseAsync(open);

        await Assertions.Expect(open.Page.Locator("#keep-state")).ToHaveTextAsync("This browser keeps nothing: save before you close.");
        Assert.Contains("Picked", (await SaveAsync(open, "#save-json")).Content, StringComparison.Ordinal);
        await Assertions.Expect(open.Page.Locator("#keep-state")).ToBeEmptyAsync();
        open.AssertNoErrors();
    }

    [Fact]
    public async Task What_a_browser_could_not_keep_is_kept_with_the_next_choice()
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(3);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await open.HasKeptAsync();
        await open.Page.EvaluateAsync("window.put = IDBObjectStore.prototype.put; IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); }; null");
        await open.FocusFirstAsync();
        await open.PressAsync("p", "5");
        await Assertions.Expect(open.Page.Locator("#keep-state")).ToHaveTextAsync("This browser keeps nothing: save before you close.");

        await open.Page.EvaluateAsync("IDBObjectStore.prototype.put = window.put; null");
        await open.PressAsync("ArrowRight", "x");
        await Assertions.Expect(open.Page.Locator("#keep-state")).ToBeEmptyAsync();
        await open.HasKeptAsync();
        await open.ReloadAsync();

        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("picked rated");
        await Assertions.Expect(open.CardOf("video-0001")).ToContainClassAsync("rejected");
        await Assertions.Expect(open.Page.Locator("#save-json")).ToHaveAttributeAsync("title", "3 changes not in a file yet");
    }

    [Fact]
    public async Task What_the_browser_has_kept_can_be_deleted_while_the_page_is_open()
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(3);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await open.FocusFirstAsync();
        await open.PressAsync("p");
        await open.HasKeptAsync();

        await open.Page.EvaluateAsync(Browser.ForgetEverything);
        await open.PressAsync("ArrowRight", "p", "ArrowRight", "x");
        await open.HasKeptAsync();
        await Assertions.Expect(open.Page.Locator("#keep-state")).ToBeEmptyAsync();
        await open.ReloadAsync();

        await Assertions.Expect(open.CardOf("video-0001")).ToContainClassAsync("picked");
        await Assertions.Expect(open.CardOf("video-0002")).ToContainClassAsync("rejected");
    }

    [Theory]
    [InlineData(From.File)]
    [InlineData(From.Server)]
    public async Task A_choice_is_seen_in_another_tab_at_once(From from)
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(3);
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery, from);
        await using OpenPage other = await open.InAnotherTabAsync();
        await open.FocusFirstAsync();
        await open.PressAsync("p", "5");
        await Assertions.Expect(other.CardOf("video-0000")).ToContainClassAsync("picked rated");

        await other.FocusFirstAsync();
        await other.PressAsync("ArrowRight", "x");
        await Assertions.Expect(open.CardOf("video-0001")).ToContainClassAsync("rejected");
        await other.HasKeptAsync();
        await open.ReloadAsync();
        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("picked rated");
        await Assertions.Expect(open.CardOf("video-0001")).ToContainClassAsync("rejected");
    }

    /// <summary>Picks the first with five stars, rejects the second, and gives the third two stars.</summary>
    private static async Task ChooseAsync(OpenPage open)
    {
        await open.FocusFirstAsync();
        await open.PressAsync("p", "5", "ArrowRight", "x", "ArrowRight", "2");
    }

    private static async Task<(string Name, string Content)> SaveAsync(OpenPage open, string button)
    {
        IDownload download = await open.Page.RunAndWaitForDownloadAsync(() => open.Page.ClickAsync(button));
        using var reader = new StreamReader(await download.CreateReadStreamAsync(), new System.Text.UTF8Encoding(), detectEncodingFromByteOrderMarks: false);
        return (download.SuggestedFilename, await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    private static Task LoadAsync(OpenPage open, string content, string name = "my choice.json")
        => open.Page.SetInputFilesAsync("#load-file", new FilePayload { Name = name, MimeType = "application/json", Buffer = System.Text.Encoding.UTF8.GetBytes(content) });
}
