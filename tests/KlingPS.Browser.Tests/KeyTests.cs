namespace KlingPS.Browser.Tests;

public class KeyTests(Browser browser)
{
    [Fact]
    public async Task Arrows_go_from_card_to_card_and_row_to_row()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 10);

        // Four in a row at this width: 4, 4 and 2.
        await open.FocusFirstAsync();
        await open.PressAsync("ArrowRight");
        await open.HasFocusAsync("video-0001");
        await open.PressAsync("ArrowDown");
        await open.HasFocusAsync("video-0005");
        await open.PressAsync("ArrowRight", "ArrowRight", "ArrowDown");
        await open.HasFocusAsync("video-0009");
        await open.PressAsync("ArrowUp", "ArrowLeft");
        await open.HasFocusAsync("video-0004");
        await open.PressAsync("Home", "ArrowLeft", "ArrowUp");
        await open.HasFocusAsync("video-0000");
    }

    [Fact]
    public async Task A_key_chooses_and_the_card_shows_it()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);
        await open.CardOf("boat").Locator(".poster").FocusAsync();

        foreach ((string key, string mark, string button, string told) in ((string, string, string, string)[])
            [
                ("p", "picked", "Pick", "boat: picked"),
                ("x", "rejected", "Reject", "boat: rejected"),
                ("1", "rated", "1 star", "boat: neither picked nor rejected, 1 star"),
                ("3", "rated", "3 stars", "boat: neither picked nor rejected, 3 stars"),
                ("5", "rated", "5 stars", "boat: neither picked nor rejected, 5 stars"),
            ])
        {
            await open.PressAsync(key);
            await Assertions.Expect(open.CardOf("boat")).ToContainClassAsync(mark);
            await Assertions.Expect(open.CardOf("boat").GetByRole(AriaRole.Button, new() { Name = button, Exact = true })).ToHaveAttributeAsync("aria-pressed", "true");
            await Assertions.Expect(open.Page.Locator("#live")).ToHaveTextAsync(told);

            await open.PressAsync(key is "p" or "x" ? "u" : "0");
            await Assertions.Expect(open.CardOf("boat")).Not.ToContainClassAsync(mark);
        }
    }

    [Fact]
    public async Task Choosing_again_with_the_same_key_changes_nothing_and_a_button_takes_it_back()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);
        await open.CardOf("boat").Locator(".poster").FocusAsync();

        await open.PressAsync("p", "p", "4", "4");
        await Assertions.Expect(open.CardOf("boat")).ToContainClassAsync("picked rated");
        await open.CardOf("boat").GetByRole(AriaRole.Button, new() { Name = "Pick", Exact = true }).ClickAsync();
        await Assertions.Expect(open.CardOf("boat")).Not.ToContainClassAsync("picked");
        await open.PressAsync("Control+z");
        await Assertions.Expect(open.CardOf("boat")).ToContainClassAsync("picked");
        await open.PressAsync("Control+z", "Control+z");
        await Assertions.Expect(open.CardOf("boat")).Not.ToContainClassAsync("picked");
        await Assertions.Expect(open.CardOf("boat")).Not.ToContainClassAsync("rated");
    }

    [Fact]
    public async Task Keys_type_where_text_is_typed()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.PressAsync("/");
        await open.Page.Keyboard.TypeAsync("xp15");
        Assert.Equal("xp15", await open.Page.InputValueAsync("#find"));
        await open.Page.FillAsync("#find", "boat");
        await open.PressAsync("Enter");
        await open.HasFocusAsync("boat");
        await open.PressAsync("n");
        await open.Page.Keyboard.TypeAsync("px5, and so on");
        await Assertions.Expect(open.Page.Locator("#large-note")).ToHaveValueAsync("px5, and so on");
        await open.PressAsync("Escape");
        await Assertions.Expect(open.CardOf("boat")).ToContainClassAsync("noted");
        await Assertions.Expect(open.CardOf("boat")).Not.ToContainClassAsync("picked");
        await open.HasFocusAsync("boat");
    }

    [Fact]
    public async Task Keys_work_on_a_keyboard_of_another_script()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);
        await open.CardOf("boat").Locator(".poster").FocusAsync();

        // What the key P sends on a Russian keyboard.
        await open.Page.EvaluateAsync("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'з', code: 'KeyP', bubbles: true }))");
        await Assertions.Expect(open.CardOf("boat")).ToContainClassAsync("picked");
    }

    [Fact]
    public async Task Question_mark_shows_the_keys_and_Escape_closes_them()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        await open.PressAsync("?");
        await Assertions.Expect(open.Page.Locator("#help")).ToBeVisibleAsync();
        await open.PressAsync("p", "Escape");
        await Assertions.Expect(open.Page.Locator("#help")).ToBeHiddenAsync();
        await open.HasSumAsync("picked", "0 videos 0 credits · $0.00");
    }

    [Fact]
    public async Task Everything_can_be_reached_with_Tab_and_the_focus_is_to_be_seen()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);

        var reached = new List<string>();
        for (int i = 0; i < 30; i++)
        {
            await open.PressAsync("Tab");
            string where = await open.Page.EvaluateAsync<string>("""
                (() => {
                    const focused = document.activeElement;
                    if (focused === document.body) {
                        return 'end';
                    }

                    const seen = focused.matches('.poster') ? focused.parentElement : focused;
                    const style = getComputedStyle(seen);
                    return `${focused.id || focused.dataset.do || focused.className}${style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2 ? ' without a ring' : ''}`;
                })()
                """);
            if (where == "end")
            {
                break;
            }

            reached.Add(where);
        }

        Assert.Equal(
            [
                "skip", "save-json", "save-csv", "load", "show-help", "find", "by-choice", "by-rating", "by-state", "by-model", "by-folder", "sort", "stacks", "size",
                "poster", "pick", "reject", "1", "2", "3", "4", "5",
            ],
            reached);
    }
}
