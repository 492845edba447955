using KlingPS.Core.Gallery;

namespace KlingPS.Browser.Tests;

public class LargeTests(Browser browser)
{
    [Fact]
    public async Task A_card_opens_large_with_everything_that_is_known()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.CardOf("sunrise").Locator(".poster").ClickAsync();
        string text = await open.Page.Locator("#large").InnerTextAsync();
        foreach (string expected in new[] { "sunrise", "Mist drifts through the valley.", "CFG scale", "0.5", new string('a', 64), "84 credits ($0.42)", "10 seconds", "-Take 2" })
        {
            Assert.Contains(expected, text, StringComparison.Ordinal);
        }

        await open.WaitForAsync("document.querySelector('#large-stage video')?.currentTime > 0");
        await open.PressAsync("Escape");
        await open.WaitForAsync("!document.querySelector('#large-stage video')");
        await open.HasFocusAsync("sunrise");
    }

    [Fact]
    public async Task Of_a_video_without_a_task_only_what_is_known_is_shown()
    {
        using var gallery = new GalleryFolder();
        gallery.AddSaved("boat", change: card => card with { Id = null, TaskId = null, State = null, Model = string.Empty, Seconds = 0, Credits = 0, Prompt = null, Again = null, Facts = [("Video", "boat.mp4")] });
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);

        Assert.Equal("boat", await open.CardOf("boat").Locator(".poster").GetAttributeAsync("aria-label"));
        await open.CardOf("boat").Locator(".poster").ClickAsync();

        Assert.Equal(
            ["Cost: not known", "Last written: Nov 25, 2026, 10:01 PM", "Video: boat.mp4"],
            (await open.Page.Locator("#large .facts > div").EvaluateAllAsync<string[]>("facts => facts.map(fact => `${fact.querySelector('dt').textContent}: ${fact.querySelector('dd').textContent}`)"))
                .Select(text => text.Replace('\u202f', ' ')));
    }

    [Theory]
    [InlineData(From.File, true)]
    [InlineData(From.Server, true)]
    [InlineData(From.Server, false)]
    public async Task Prompt_and_command_are_copied_as_they_are(From from, bool hasClipboard)
    {
        using var gallery = new GalleryFolder();
        string prompt = "It's \"50 %\" of <b>it</b>,\nand a ‘second’ line & more.";
        gallery.AddSaved("boat", change: card => card with
        {
            Prompt = prompt,
            Again = new CardCommand("ConvertTo-KlingVideo -Prompt 'It''s ‘‘fine’’'"),
        });
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(
            browser,
            gallery,
            from,
            profile: new() { Permissions = ["clipboard-read", "clipboard-write"] },
            before: hasClipboard ? null : "Object.defineProperty(navigator, 'clipboard', { value: undefined }); document.addEventListener('copy', () => window.copied = getSelection().toString() || document.activeElement.value)");
        await open.CardOf("boat").Locator(".poster").ClickAsync();

        string copied = hasClipboard ? "navigator.clipboard.readText()" : "window.copied";
        await open.Page.Locator("#large").GetByRole(AriaRole.Button, new() { Name = "Copy the prompt" }).ClickAsync();
        await Assertions.Expect(open.Page.Locator("#toast")).ToHaveTextAsync("Copied the prompt.");
        Assert.Equal(prompt, await open.Page.EvaluateAsync<string>(copied));

        await open.Page.Locator("#large").GetByRole(AriaRole.Button, new() { Name = "Copy the command" }).ClickAsync();
        await Assertions.Expect(open.Page.Locator("#toast")).ToHaveTextAsync("Copied the command.");
        Assert.Equal("ConvertTo-KlingVideo -Prompt 'It''s ‘‘fine’’'", await open.Page.EvaluateAsync<string>(copied));
    }

    [Fact]
    public async Task The_command_has_the_prompt_in_its_place()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.CardOf("boat").Locator(".poster").ClickAsync();
        await Assertions.Expect(open.Page.Locator("#large .command code")).ToHaveTextAsync($"ConvertTo-KlingVideo -LiteralPath 'boat.png' -Prompt '{GalleryFolder.Prompt}' -Take 2");
    }

    [Fact]
    public async Task Every_way_out_of_an_unknown_attempt_is_shown()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.CardOf("cliff").Locator(".poster").ClickAsync();
        string text = await open.Page.Locator("#large .trouble").InnerTextAsync();
        Assert.Contains("It is not known whether the video was bought.", text, StringComparison.Ordinal);
        Assert.Contains("Resolve-KlingVideoTask 6 -TaskId <id>", text, StringComparison.Ordinal);
        Assert.Contains("Resolve-KlingVideoTask 6 -Abandon", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Arrows_leaf_through_what_is_shown_and_keys_choose()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 3);

        await open.FocusFirstAsync();
        await open.PressAsync("Enter", "ArrowRight", "p", "4", "ArrowRight", "ArrowRight", "x");
        await Assertions.Expect(open.Page.Locator("#large-name")).ToHaveTextAsync("video-0002");
        await Assertions.Expect(open.Page.Locator("#large-place")).ToHaveTextAsync("3 of 3");
        await open.PressAsync("Escape");
        await Assertions.Expect(open.CardOf("video-0001")).ToContainClassAsync("picked rated");
        await Assertions.Expect(open.CardOf("video-0002")).ToContainClassAsync("rejected");
        await open.HasFocusAsync("video-0002");
    }
}
