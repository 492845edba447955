using Deque.AxeCore.Commons;

namespace KlingPS.Browser.Tests;

public class AccessibilityTests(Browser browser)
{
    [Fact]
    public Task Axe_finds_nothing_to_object_to_in_any_view_and_either_colour_scheme() => Accessibility.LookAsync(browser, 1280);
}

/// <summary>A class of its own, so that both run at once: axe takes longer than any other test.</summary>
public class NarrowAccessibilityTests(Browser browser)
{
    [Fact]
    public Task Axe_finds_nothing_to_object_to_in_a_narrow_window() => Accessibility.LookAsync(browser, 390);
}

/// <summary>What axe-core says of the page.</summary>
internal static class Accessibility
{
    /// <summary>What it does not like in what is open: the uppermost dialog, or the page. What a dialog makes inert was looked at before it opened.</summary>
    private const string Run = """
        async rules => (await axe.run([...document.querySelectorAll('dialog[open]')].at(-1) ?? document, { resultTypes: ['violations'], ...rules && { runOnly: rules } }))
            .violations.flatMap(({ id, help, nodes }) => nodes.map(node => `${id}: ${help}: ${node.html} ${node.any.map(check => check.message).join(' ')}`))
        """;

    /// <summary>Looks at every view, in both schemes.</summary>
    public static async Task LookAsync(Browser browser, int width)
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser, view: new(width, 2400, Motion: ReducedMotion.Reduce));
        await open.Page.EvaluateAsync(new BundledAxeScriptProvider().GetScript());

        await AssertFineAsync("the grid");
        await open.CardOf("lighthouse").Locator(".poster").FocusAsync();
        await open.PressAsync("p", "4", "m", "s", "ArrowRight", "x", "m");
        if (width < 640)
        {
            await open.Page.ClickAsync("#more");
        }

        await AssertFineAsync("the grid with a choice and a stack open");
        await open.CardOf("cliff").Locator(".poster").ClickAsync();
        await AssertFineAsync("the large view", "#large");
        await open.PressAsync("Escape", "c");
        await AssertFineAsync("the comparison", "#compare");
        await open.PressAsync("Escape", "?");
        await AssertFineAsync("the help", "#help");

        // It does object where there is something to object to.
        await open.Page.EvaluateAsync("document.querySelector('.help-note').style.color = 'var(--line)'");
        Assert.Contains("color-contrast", string.Concat(await open.Page.EvaluateAsync<string[]>(Run, (string[])["color-contrast"])), StringComparison.Ordinal);

        async Task AssertFineAsync(string what, string view = "#grid")
        {
            await Assertions.Expect(open.Page.Locator(view)).ToBeVisibleAsync();

            // In the other scheme, nothing but the colours is another.
            await AssertFineInAsync(ColorScheme.Dark, what, null);
            await AssertFineInAsync(ColorScheme.Light, what, ["color-contrast"]);
        }

        async Task AssertFineInAsync(ColorScheme scheme, string what, string[]? rules)
        {
            await open.Page.EmulateMediaAsync(new() { ColorScheme = scheme });
            string[] problems = await open.Page.EvaluateAsync<string[]>(Run, rules);
            Assert.True(problems.Length == 0, $"{what}, {scheme}, {width}:\n{string.Join('\n', problems)}");
        }
    }
}
