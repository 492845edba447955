namespace KlingPS.Browser.Tests;

public class CompareTests(Browser browser)
{
    private const string Times = "[...document.querySelectorAll('.pane video')].map(video => video.currentTime)";
    private const string Names = "[...document.querySelectorAll('.pane')].sort((a, b) => a.style.order - b.style.order).map(pane => pane.querySelector('b').textContent)";

    [Fact]
    public async Task The_takes_of_an_image_play_on_one_clock_and_are_together_after_ten_seconds()
    {
        await using OpenPage open = await OpenAsync();

        Assert.Equal(["lighthouse, take 1", "lighthouse, take 2", "lighthouse, take 3"], (await NamesAsync(open)).Order());
        Assert.Equal(3, await open.PlayersAsync());

        // Moments in which the machine itself stood still say nothing about the clock.
        double spread = await open.Page.EvaluateAsync<double>($$"""
            new Promise(done => {
                const spreads = [];
                const start = performance.now();
                let last = start;
                const look = now => {
                    const times = {{Times}};
                    if (now - start > 10000 && now - last < 50 && Math.min(...times) > 0.5) {
                        spreads.push(Math.max(...times) - Math.min(...times));
                    }

                    last = now;
                    if (spreads.length < 60) {
                        requestAnimationFrame(look);
                    } else {
                        done(spreads.sort((a, b) => a - b)[30]);
                    }
                };
                requestAnimationFrame(look);
            })
            """);
        Assert.InRange(spread, 0, 0.05);
        open.AssertNoErrors();
    }

    [Fact]
    public async Task Paused_they_show_the_same_moment_and_go_on_frame_by_frame()
    {
        await using OpenPage open = await OpenAsync();
        await open.WaitForAsync($"Math.min(...{Times}) > 0.3");

        await open.PressAsync("Space");
        await SettledAsync(open);
        AssertTogether(await TimesAsync(open));

        // Wherever that was, and far from the end now.
        await MoveToAsync(open, 2);
        await open.PressAsync(".");
        await SettledAsync(open);
        double[] next = await TimesAsync(open);
        AssertTogether(next);
        await open.PressAsync(".", ".");
        await SettledAsync(open);
        Assert.Equal(next[0] + (2 / 24.0), (await TimesAsync(open))[0], 0.004);
        await open.PressAsync(",");
        await SettledAsync(open);
        Assert.Equal(next[0] + (1 / 24.0), (await TimesAsync(open))[0], 0.004);
    }

    [Fact]
    public async Task They_begin_again_together_unless_the_loop_is_off()
    {
        await using OpenPage open = await OpenAsync();
        await MoveToAsync(open, 4.7);

        await open.PressAsync("Space");
        await open.WaitForAsync($"Math.max(...{Times}) < 2 && document.querySelector('#compare-play').ariaLabel === 'Pause'");

        await MoveToAsync(open, 4.7);
        await open.PressAsync("l", "Space");
        await open.WaitForAsync($"Math.min(...{Times}) > 4.9 && document.querySelector('#compare-play').ariaLabel === 'Play'");
        await Assertions.Expect(open.Page.Locator("#compare-clock")).ToHaveTextAsync("5.00 / 5.00 s");
    }

    [Fact]
    public async Task A_shorter_video_waits_with_its_last_frame_for_the_longer_one()
    {
        using var gallery = new GalleryFolder();
        gallery.AddSaved("long", seconds: 10);
        gallery.AddSaved("short");
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await open.FocusFirstAsync();
        await open.PressAsync("c");

        await MoveToAsync(open, 8);
        await open.WaitForAsync($"Math.abs({Times}[0] - 8) < 0.05 && Math.abs({Times}[1] - 5) < 0.05");
        await open.PressAsync("Space");

        // In one look: a moment later, both may have begun again.
        await open.WaitForAsync($"(times => times[0] > 8.2 && Math.abs(times[1] - 5) < 0.05)({Times})");
    }

    [Fact]
    public async Task S_swaps_the_sides_and_O_lays_one_over_the_other()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 2);
        await open.FocusFirstAsync();
        await open.PressAsync("c");
        Assert.Equal(["video-0000", "video-0001"], await NamesAsync(open));

        await open.PressAsync("s");
        Assert.Equal(["video-0001", "video-0000"], await NamesAsync(open));
        Assert.True(
            await open.Page.EvaluateAsync<bool>("document.querySelectorAll('.pane')[1].getBoundingClientRect().x < document.querySelectorAll('.pane')[0].getBoundingClientRect().x"));

        await open.PressAsync("o");
        await Assertions.Expect(open.Page.Locator(".pane:visible")).ToHaveCountAsync(1);
        string top = await open.Page.Locator(".pane:visible b").InnerTextAsync();
        await open.PressAsync("s");
        Assert.NotEqual(top, await open.Page.Locator(".pane:visible b").InnerTextAsync());
    }

    [Fact]
    public async Task Videos_of_one_image_are_told_apart_by_what_was_asked_for()
    {
        using var gallery = new GalleryFolder();
        gallery.AddSaved("boat");
        gallery.AddSaved("boat", change: card => card with { Facts = [("CFG scale", "0.5"), ("Negative prompt", "blur"), ("Video SHA-256", new string('b', 64))] });
        gallery.AddSaved("boat", change: card => card with { Prompt = "Rain falls.", Created = card.Created.AddHours(1) });
        gallery.AddSaved("boat", change: card => card with { Prompt = "Rain falls.", Created = card.Created.AddHours(2) });
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await open.FocusFirstAsync();
        await open.PressAsync("c");

        Assert.Equal(
            [
                $"Negative prompt: not set · Prompt: {GalleryFolder.Prompt}",
                $"Negative prompt: blur · Prompt: {GalleryFolder.Prompt}",
                "Negative prompt: not set · Prompt: Rain falls. · Submitted: Nov 25, 2026, 11:03 PM",
                "Negative prompt: not set · Prompt: Rain falls. · Submitted: Nov 26, 2026, 12:04 AM",
            ],
            (await open.Page.Locator(".pane .difference").AllTextContentsAsync()).Select(text => text.Replace('\u202f', ' ')));
        Assert.Equal(4, await open.Page.EvaluateAsync<int>("new Set([...document.querySelectorAll('.pane')].map(pane => pane.ariaLabel)).size"));

        // Captions of different length must not move the videos against each other.
        double[][] places = await open.Page.EvaluateAsync<double[][]>("[...document.querySelectorAll('.pane video')].map(video => video.getBoundingClientRect()).map(({ x, y, width, height }) => [x, y, width, height])");
        Assert.Equal(places[0][1..], places[1][1..]);
        Assert.Equal(places[2][1..], places[3][1..]);
        Assert.Equal((places[0][0], places[1][0]), (places[2][0], places[3][0]));
    }

    [Fact]
    public async Task Marked_videos_are_compared_four_at_most()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 6);
        await open.FocusFirstAsync();
        await open.PressAsync("m", "ArrowRight", "ArrowRight", "m", "ArrowRight", "m", "ArrowRight", "m", "ArrowRight", "m");
        await Assertions.Expect(open.Page.Locator("#toast")).ToContainTextAsync("Four videos are marked already");

        await open.Page.ClickAsync("#compare-marked");
        Assert.Equal(["video-0000", "video-0002", "video-0003", "video-0004"], await NamesAsync(open));
        await open.PressAsync("Escape");
        // The dialog tells of its end later than it is closed. A preview of the card that gets the focus may play.
        await open.WaitForAsync("!document.querySelector('dialog[open]') && document.querySelectorAll('video[src]').length < 2");
    }

    [Fact]
    public async Task Choosing_between_the_sides_reaches_the_grid()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 2);
        await open.FocusFirstAsync();
        await open.PressAsync("c", "p", "ArrowRight", "x", "2", "Escape");

        await Assertions.Expect(open.CardOf("video-0000")).ToContainClassAsync("picked");
        await Assertions.Expect(open.CardOf("video-0001")).ToContainClassAsync("rejected rated");

        // The focus goes back when the dialog tells of its end, which is later than the key.
        await Assertions.Expect(open.CardOf("video-0001").Locator(":focus")).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task A_video_that_is_gone_does_not_hold_up_the_other()
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(2);
        gallery.Write();
        File.Delete(Path.Combine(gallery.Folder, "video-0001.mp4"));
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
        await open.FocusFirstAsync();
        await open.PressAsync("c");

        await Assertions.Expect(open.Page.Locator(".pane").Nth(1)).ToContainTextAsync("Video not found");
        await open.WaitForAsync($"{Times}[0] > 0.3");
    }

    [Fact]
    public async Task One_video_alone_cannot_be_compared_and_the_page_says_what_can()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 1);
        await open.FocusFirstAsync();
        await open.PressAsync("c");
        await Assertions.Expect(open.Page.Locator("#toast")).ToContainTextAsync("Mark two to four videos with M.");
        await Assertions.Expect(open.Page.Locator("#compare")).ToBeHiddenAsync();
    }

    /// <summary>The takes of one image, from the key C on its card.</summary>
    private async Task<OpenPage> OpenAsync()
    {
        OpenPage open = await OpenPage.OfNightAsync(browser);
        await open.CardOf("lighthouse").Locator(".poster").FocusAsync();
        await open.PressAsync("c");
        return open;
    }

    private static async Task MoveToAsync(OpenPage open, double seconds)
    {
        // The slider takes no time beyond its end, which it learns from the videos.
        await open.WaitForAsync("[...document.querySelectorAll('.pane video')].every(video => video.readyState > 1 && document.querySelector('#compare-time').max >= video.duration)");
        await open.Page.EvaluateAsync("seconds => { const bar = document.querySelector('#compare-time'); bar.value = seconds; bar.dispatchEvent(new Event('input')); }", seconds);
        await SettledAsync(open);
    }

    /// <summary>Waits until all videos stand where the clock stands, or at their last frame.</summary>
    private static Task SettledAsync(OpenPage open)
        => open.WaitForAsync(
            """
            [...document.querySelectorAll('.pane video')].every(video => video.paused && !video.seeking && video.readyState > 1
                && Math.abs(video.currentTime - Math.min(document.querySelector('#compare-time').value, video.duration - 1 / 48)) < 0.002)
            """);

    private static void AssertTogether(double[] times) => Assert.InRange(times.Max() - times.Min(), 0, 0.004);

    private static Task<double[]> TimesAsync(OpenPage open) => open.Page.EvaluateAsync<double[]>(Times);

    private static Task<string[]> NamesAsync(OpenPage open) => open.Page.EvaluateAsync<string[]>(Names);
}
