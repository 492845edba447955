using System.Text.RegularExpressions;

namespace KlingPS.Browser.Tests;

/// <summary>The page for everyone: without script, on paper, in a narrow window, with a screen reader.</summary>
public class ReadingTests(Browser browser)
{
    [Theory]
    [InlineData(From.File)]
    [InlineData(From.Server)]
    public async Task Without_script_everything_can_be_read_and_every_video_opens(From from)
    {
        using GalleryFolder gallery = new GalleryFolder().AddNight();
        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery, from, profile: new() { JavaScriptEnabled = false });

        await Assertions.Expect(open.Cards).ToHaveCountAsync(9);
        foreach (string expected in new[]
        {
            "The night of 25 November", "9 videos", "391 credits", "$1.96", GalleryFolder.Prompt, "Failed", "It has cost nothing.", "Resolve-KlingVideoTask 6 -Abandon",
            "link until", "UTC", "Scripts are off",
        })
        {
            await Assertions.Expect(open.Page.Locator("body")).ToContainTextAsync(expected, new() { UseInnerText = true });
        }

        foreach (string control in new[] { "#tools", "#keep", "#sums", "dialog" })
        {
            Assert.Equal(0, await open.Page.Locator($"{control}:visible").CountAsync());
        }

        string[] links = await open.Page.Locator("a.poster[href]").EvaluateAllAsync<string[]>("links => links.map(link => link.getAttribute('href'))");
        Assert.Equal(5, links.Length);
        Assert.All(links, link => Assert.True(File.Exists(Path.Combine(gallery.Folder, Uri.UnescapeDataString(link)))));
        await open.CardOf("boat").Locator(".poster").ClickAsync();

        // Not WaitForURLAsync: where the address is there already, it waits until all is loaded, of which the page of a video may never tell.
        await Assertions.Expect(open.Page).ToHaveURLAsync(new Regex("/boat\\.mp4$"));
        await Assertions.Expect(open.Page.Locator("video")).ToBeAttachedAsync();
    }

    [Fact]
    public async Task On_paper_it_is_a_contact_sheet_of_what_is_shown()
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser);
        await open.CardOf("boat").Locator(".poster").FocusAsync();
        await open.PressAsync("p", "4");
        await open.Page.EmulateMediaAsync(new() { Media = Media.Print, ColorScheme = ColorScheme.Dark });

        await Assertions.Expect(open.Cards).ToHaveCountAsync(7);
        Assert.Equal(0, await open.Page.Locator("#tools:visible, #keep:visible, .badge:visible").CountAsync());
        Assert.Equal("rgb(255, 255, 255)", await open.Page.EvaluateAsync<string>("getComputedStyle(document.documentElement).backgroundColor"));
        Assert.Equal(4, await open.Page.EvaluateAsync<int>("getComputedStyle(document.querySelector('.grid')).gridTemplateColumns.split(' ').length"));
        byte[] paper = await open.Page.PdfAsync();
        Assert.Equal("%PDF"u8, paper.AsSpan(0, 4));
        Assert.Equal(0, await open.PlayersAsync());
        Assert.Equal(0, await open.Page.Locator(".settle:visible").CountAsync());
    }

    [Fact]
    public async Task What_was_chosen_is_on_paper_also_where_it_was_not_in_sight()
    {
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 60);
        await open.FocusFirstAsync();
        await open.PressAsync("End", "p", "3");
        await open.HasKeptAsync();

        // To reload it would leave it where it was scrolled to.
        string address = open.Page.Url;
        await open.GoToAsync("about:blank");
        await open.GoToAsync(address);
        Assert.Equal(0, await open.Page.Locator(".card:last-child .controls").CountAsync());

        await open.Page.PdfAsync();

        await Assertions.Expect(open.Page.Locator(".card:last-child .pick")).ToHaveAttributeAsync("aria-pressed", "true");
        await Assertions.Expect(open.Page.Locator(".card:last-child .star.lit")).ToHaveCountAsync(3);
    }

    [Theory]
    [InlineData(320)]
    [InlineData(360)]
    [InlineData(640)]
    [InlineData(1280)]
    [InlineData(3840)]
    public async Task Nothing_is_cut_off_at_any_width(int width)
    {
        // 640 is what 200 % of zoom leave of 1280, and 320 what 400 % do.
        await using OpenPage open = await OpenPage.OfNightAsync(browser, view: new(width, 600));

        await AssertFitsAsync("the grid");
        if (await open.Page.Locator("#more").IsVisibleAsync())
        {
            await open.Page.ClickAsync("#more");
            await AssertFitsAsync("the filters");
        }

        await Assertions.Expect(open.Page.Locator("#by-state")).ToBeVisibleAsync();
        await open.CardOf("lighthouse").Locator(".poster").FocusAsync();
        await open.PressAsync("Enter");
        await AssertFitsAsync("the large view");
        await open.PressAsync("c");
        await AssertFitsAsync("the comparison");
        await open.PressAsync("?");
        await AssertFitsAsync("the help");

        async Task AssertFitsAsync(string what)
        {
            string[] over = await open.Page.EvaluateAsync<string[]>("""
                [...document.querySelectorAll('body *')]
                    .filter(element => element.checkVisibility({ visibilityProperty: true }) && !element.closest('.skip, .visually-hidden, svg, video'))
                    .filter(element => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1 || element.getBoundingClientRect().left < -1)
                    .map(element => `${element.tagName} ${element.id} ${element.className}`)
                """);
            Assert.True(over.Length == 0, $"{what} at {width}: {string.Join(", ", over)}");
            Assert.InRange(await open.Page.EvaluateAsync<int>("(document.querySelector('dialog[open]') ?? document.documentElement).scrollWidth"), 1, width);
        }
    }

    [Fact]
    public async Task A_view_fills_the_window_and_no_scrollbar_lies_over_it()
    {
        const string Ends = "document.documentElement.clientWidth, innerWidth";
        await using OpenPage open = await OpenPage.OfManyAsync(browser, 20);
        double[] page = await open.Page.EvaluateAsync<double[]>($"[{Ends}]");
        Assert.True(page[0] < page[1], "The page itself has a scrollbar.");
        await open.FocusFirstAsync();
        foreach ((string key, string view) in ((string, string)[])[("Enter", "#large"), ("c", "#compare")])
        {
            await open.PressAsync(key);

            double[] ends = await open.Page.EvaluateAsync<double[]>($"[document.querySelector('{view}').getBoundingClientRect().right, {Ends}]");
            Assert.Equal([ends[2], ends[2], ends[2]], ends);
        }
    }
}
