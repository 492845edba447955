namespace KlingPS.Browser.Tests;

public class FilterTests(Browser browser)
{
    [Fact]
    public async Task A_filter_shows_what_it_is_called_after_and_counts_it()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);
        await open.CardOf("boat").Locator(".poster").FocusAsync();
        await open.PressAsync("p", "4");
        await open.CardOf("sunrise").Locator(".poster").FocusAsync();
        await open.PressAsync("x");

        foreach ((string select, string value, string label, string shown) in ((string, string, string, string)[])
            [
                ("#by-state", "is:failed", "Failed (1)", "harbour"),
                ("#by-state", "is:unknown", "Unknown (1)", "cliff"),
                ("#by-state", "is:unsaved", "Not saved (1)", "ridge"),
                ("#by-state", "is:pending", "Not finished (1)", "A storm over the sea"),
                ("#by-folder", "is:1", "videos/night (1)", "sunrise"),
                ("#by-model", "is:1", "kling-2.6/image-to-video (1)", "lighthouse"),
                ("#by-choice", "is:Picked", "Picked (1)", "boat"),
                ("#by-choice", "is:Rejected", "Rejected (1)", "sunrise"),
                ("#by-rating", "is:4", "4 stars (1)", "boat"),
            ])
        {
            await Assertions.Expect(open.Page.Locator($"{select} option[value='{value}']")).ToHaveTextAsync(label);
            await open.Page.SelectOptionAsync(select, value);
            await open.HasNamesAsync(shown.Split(", "));

            await open.Page.ClickAsync("#clear");
            await Assertions.Expect(open.Cards).ToHaveCountAsync(7);
        }
    }

    [Fact]
    public async Task Filters_narrow_each_other_and_their_counts_follow()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.Page.FillAsync("#find", "LIGHT house");
        await open.HasSumAsync("shown", "3 videos 139 credits · $0.70");
        await Assertions.Expect(open.Page.Locator("#by-state option[value='is:saved']")).ToHaveTextAsync("Saved (3)");
        await Assertions.Expect(open.Page.Locator("#by-state option[value='is:failed']")).ToHaveTextAsync("Failed (0)");

        await open.Page.SelectOptionAsync("#by-state", "is:failed");
        await Assertions.Expect(open.Page.Locator("#empty")).ToContainTextAsync("No video passes these filters.");
        await open.Page.ClickAsync("#empty-clear");
        await open.HasSumAsync("shown", "9 videos 391 credits · $1.96");
    }

    [Fact]
    public async Task What_no_longer_passes_the_filter_goes_and_the_next_one_is_looked_at()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 4);

        await open.Page.SelectOptionAsync("#by-choice", "is:");
        await open.FocusFirstAsync();
        await open.PressAsync("p", "x");
        await open.HasNamesAsync("video-0002", "video-0003");
        await open.HasFocusAsync("video-0002");
        await open.PressAsync("p", "p", "p");
        await open.HasNamesAsync();
        await open.HasSumAsync("picked", "3 videos 126 credits · $0.63");
    }

    [Fact]
    public async Task The_cards_are_sorted()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);
        await open.CardOf("boat").Locator(".poster").FocusAsync();
        await open.PressAsync("2");
        await open.CardOf("ridge").Locator(".poster").FocusAsync();
        await open.PressAsync("5");

        foreach ((string order, string expected) in ((string, string)[])
            [
                ("name", "A storm over the sea, boat, cliff, harbour, lighthouse, ridge, sunrise"),
                ("newest", "A storm over the sea, ridge, harbour, cliff, sunrise, lighthouse, boat"),
                ("oldest", "boat, lighthouse, sunrise, cliff, harbour, ridge, A storm over the sea"),
                ("dearest", "sunrise, lighthouse, A storm over the sea, boat, cliff, ridge, harbour"),
                ("cheapest", "harbour, A storm over the sea, boat, cliff, ridge, lighthouse, sunrise"),
                ("best", "ridge, boat, A storm over the sea, cliff, harbour, lighthouse, sunrise"),
            ])
        {
            await open.Page.SelectOptionAsync("#sort", order);
            await open.HasNamesAsync(expected.Split(", "));

            // The arrows follow the order that is seen.
            await open.FocusFirstAsync();
            await open.PressAsync("ArrowRight");
            await open.HasFocusAsync(expected.Split(", ")[1]);
        }
    }
}
