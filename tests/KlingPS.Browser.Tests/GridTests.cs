using KlingPS.Core.Gallery;
using KlingPS.Core.Model;

namespace KlingPS.Browser.Tests;

public class GridTests(Browser browser)
{
    [Theory]
    [InlineData(From.File)]
    [InlineData(From.Server)]
    public async Task Every_image_has_a_card_and_its_takes_are_stacked(From from)
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser, from);

        await open.HasNamesAsync("A storm over the sea", "boat", "cliff", "harbour", "lighthouse", "ridge", "sunrise");
        await Assertions.Expect(open.CardOf("lighthouse").Locator(".badge")).ToHaveTextAsync("3");
        await open.WaitForAsync("[...document.querySelectorAll('.card:not([hidden]) .poster img')].every(image => image.complete && image.naturalWidth > 0)");
        open.AssertNoErrors();
    }

    [Fact]
    public async Task A_stack_opens_and_closes_with_S()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.CardOf("lighthouse").Locator(".poster").FocusAsync();
        await open.PressAsync("s");
        await Assertions.Expect(open.CardOf("lighthouse")).ToHaveCountAsync(3);
        await Assertions.Expect(open.Page.Locator(".badge")).ToHaveAttributeAsync("aria-expanded", "true");
        await open.HasFocusAsync("lighthouse");

        await open.PressAsync("s");
        await Assertions.Expect(open.CardOf("lighthouse")).ToHaveCountAsync(1);

        await open.PressAsync("Shift+S");
        await Assertions.Expect(open.Cards).ToHaveCountAsync(9);
    }

    [Fact]
    public async Task The_picked_take_stands_for_its_stack()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.CardOf("lighthouse").Locator(".poster").FocusAsync();
        await open.PressAsync("s", "ArrowRight", "ArrowRight", "p", "s");
        await Assertions.Expect(open.CardOf("lighthouse").Locator(".about")).ToContainTextAsync("take 2");
    }

    [Fact]
    public async Task A_closed_stack_says_what_is_wrong_within()
    {
        using var gallery = new GalleryFolder();
        gallery.AddSaved("boat");
        gallery.Add("boat", card => card with { Take = 2, Status = CardStatus.Unknown, State = KlingTaskState.Unknown });
        gallery.Add("boat", card => card with { Take = 3, Status = CardStatus.Failed, State = KlingTaskState.Failed });
        gallery.AddSaved("lighthouse");
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);

        await Assertions.Expect(open.CardOf("boat").Locator(".within")).ToHaveTextAsync("1 unknown, 1 failed");
        await open.CardOf("boat").Locator(".badge").ClickAsync();
        await Assertions.Expect(open.Page.Locator(".within")).ToHaveCountAsync(0);
        await Assertions.Expect(open.CardOf("boat")).ToHaveCountAsync(3);
    }

    [Fact]
    public async Task The_head_sums_up_everything_what_is_shown_and_what_is_picked()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.HasSumAsync("all", "9 videos 391 credits · $1.96");
        await open.HasSumAsync("shown", "9 videos 391 credits · $1.96");
        await open.HasSumAsync("picked", "0 videos 0 credits · $0.00");

        await open.Page.FillAsync("#find", "mist");
        await open.HasSumAsync("all", "9 videos 391 credits · $1.96");
        await open.HasSumAsync("shown", "1 video 84 credits · $0.42");

        await open.FocusFirstAsync();
        await open.PressAsync("p");
        await open.HasSumAsync("picked", "1 video 84 credits · $0.42");
    }

    [Fact]
    public async Task What_went_wrong_is_on_its_card_with_the_command_that_settles_it()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        foreach ((string card, string text) in ((string, string)[])
            [
                ("harbour", "Failed"),
                ("harbour", "It has cost nothing."),
                ("harbour", $"ConvertTo-KlingVideo -LiteralPath 'harbour.png' -Prompt '{GalleryFolder.Prompt}'"),
                ("cliff", "Resolve-KlingVideoTask 6 -TaskId"),
                ("A storm", "Generating"),
            ])
        {
            await Assertions.Expect(open.CardOf(card)).ToContainTextAsync(text, new() { UseInnerText = true });
        }
    }

    [Fact]
    public async Task Links_and_records_tell_how_long_they_still_live()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await Assertions.Expect(open.CardOf("ridge").Locator(".life")).ToHaveTextAsync("Link: 5 hours left, record: ended 3 days ago");
    }

    [Fact]
    public async Task Only_what_is_in_sight_is_loaded()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 200, From.Server);

        await open.WaitForAsync("document.querySelector('.poster img').complete");
        Assert.DoesNotContain(open.Requests, address => address.EndsWith(".mp4", StringComparison.Ordinal));
        Assert.False(await open.Page.EvaluateAsync<bool>("document.querySelector('.card:last-child img').complete && document.querySelector('.card:last-child img').naturalWidth > 0"));
        Assert.Equal(0, await open.PlayersAsync());

        await open.FocusFirstAsync();
        await open.PressAsync("End");
        await open.WaitForAsync("document.querySelector('.card:last-child img').naturalWidth > 0");
    }

    [Fact]
    public async Task A_video_plays_while_the_pointer_rests_on_it()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.CardOf("boat").Locator(".poster").HoverAsync();
        await open.WaitForAsync("document.querySelector('.plays video')?.currentTime > 0");
        Assert.True(await open.Page.EvaluateAsync<bool>("document.querySelector('.plays video').muted"));

        await open.Page.Locator("h1").HoverAsync();
        await open.WaitForAsync("!document.querySelector('.poster video')");
        await open.WaitForAsync("document.querySelectorAll('video[src]').length === 0");
    }

    [Fact]
    public async Task A_video_plays_while_the_focus_is_on_it_and_when_Space_is_pressed()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.CardOf("boat").Locator(".poster").FocusAsync();
        await open.WaitForAsync("document.querySelector('.plays video')?.currentTime > 0");

        // Asked for, it goes on when the focus has gone.
        await open.PressAsync("Space", "End");
        await open.WaitForAsync("[...document.querySelectorAll('.card')].find(card => card.innerText.startsWith('boat') || card.querySelector('h2').textContent === 'boat').matches('.plays')");
        await open.CardOf("boat").Locator(".poster").FocusAsync();
        await open.PressAsync("Space");
        await open.WaitForAsync("![...document.querySelectorAll('.card')].find(card => card.querySelector('h2').textContent === 'boat').matches('.plays')");
    }

    [Fact]
    public async Task Nothing_plays_by_itself_where_no_motion_is_wanted()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser, view: new(Motion: ReducedMotion.Reduce));

        await open.CardOf("boat").Locator(".poster").FocusAsync();
        await open.CardOf("boat").Locator(".poster").HoverAsync();

        // The page's own timers run in order: one that starts now and takes longer ends after a preview would have begun.
        await open.Page.EvaluateAsync("new Promise(done => setTimeout(done, 400))");
        Assert.Equal(0, await open.PlayersAsync());

        await open.PressAsync("Space");
        await open.WaitForAsync("document.querySelector('.plays video')?.currentTime > 0");
    }

    [Fact]
    public async Task No_more_than_eight_players_are_ever_alive()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 40);

        // More than eight of the smallest cards are in sight.
        await open.Page.EvaluateAsync("""
            const size = document.querySelector('#size');
            size.value = size.min;
            size.dispatchEvent(new Event('input'));
            new MutationObserver(() => window.most = Math.max(window.most ?? 0, document.querySelectorAll('video').length))
                .observe(document.body, { childList: true, subtree: true })
            """);

        await open.FocusFirstAsync();
        for (int i = 0; i < 13; i++)
        {
            await open.PressAsync("Space", "ArrowRight");
        }

        int most = await open.Page.EvaluateAsync<int>("window.most");
        Assert.InRange(most, 2, 8);
        Assert.InRange(await open.PlayersAsync(), 1, 8);

        await open.PressAsync("Enter");
        await open.WaitForAsync("document.querySelectorAll('video').length === 1");
    }

    [Fact]
    public async Task Videos_and_images_that_were_deleted_since_are_said_so()
    {
        using GalleryFolder gallery = new GalleryFolder().AddNight();
        gallery.Write();
        File.Delete(Path.Combine(gallery.Folder, "boat.mp4"));
        File.Delete(Path.Combine(gallery.Folder, "sunrise.png"));
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);

        await open.CardOf("boat").Locator(".poster").FocusAsync();
        await Assertions.Expect(open.CardOf("boat").Locator(".state")).ToContainTextAsync("Video not found");
        await open.WaitForAsync("document.querySelectorAll('video[src]').length === 0");
        await Assertions.Expect(open.CardOf("sunrise").Locator(".poster")).ToContainTextAsync("Image not found");

        await open.PressAsync("Enter");
        await Assertions.Expect(open.Page.Locator("#large-stage")).ToContainTextAsync("The video was not found");
    }

    [Fact]
    public async Task A_gallery_without_videos_says_so()
    {
        using var gallery = new GalleryFolder();
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);

        await Assertions.Expect(open.Page.Locator("#empty")).ToContainTextAsync("There are no videos in this gallery.");
        await open.PressAsync("ArrowRight", "p", "Space", "c", "Enter", "End", "s", "m");
        open.AssertNoErrors();
    }

    [Fact]
    public async Task Two_thousand_cards_make_a_page_below_three_megabytes_in_which_the_keys_still_work()
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(2000);
        gallery.Write();
        Assert.InRange(new FileInfo(gallery.Page).Length, 1, 3_000_000);
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);

        await open.FocusFirstAsync();
        await open.PressAsync("End");
        await open.HasFocusAsync("video-1999");
        await open.PressAsync("p", "ArrowLeft", "x", "Home");
        await open.HasFocusAsync("video-0000");

        await open.Page.SelectOptionAsync("#by-choice", "is:Picked");
        await open.HasNamesAsync("video-1999");
        await open.Page.ClickAsync("#clear");
        await open.Page.FillAsync("#find", "video-15");
        await open.HasSumAsync("shown", "100 videos 4,200 credits · $21.00");
    }
}
