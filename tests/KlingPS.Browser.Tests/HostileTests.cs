using KlingPS.Core.Gallery;

namespace KlingPS.Browser.Tests;

public class HostileTests(Browser browser)
{
    private const string Attack =
        "</script><script>window.hacked = 1</script><img src=\"https://leak.invalid/i\" onerror=\"window.hacked = 2\">'\"><svg onload=window.hacked=3>" +
        "<!--<script>{{script}} {{cards}} javascript:window.hacked=4 \u2028]]>";

    [Theory]
    [InlineData(From.File)]
    [InlineData(From.Server)]
    public async Task Nothing_that_a_prompt_a_name_or_the_service_says_runs_or_leaves(From from)
    {
        using var gallery = new GalleryFolder();
        gallery.AddSaved("boat", change: card => card with
        {
            Name = Attack,
            Prompt = Attack,
            Model = Attack,
            Folder = Attack,
            TaskId = Attack,
            Facts = [(Attack, Attack), ("Link", "javascript:window.hacked=5")],
            Again = new CardCommand(Attack, Attack),
            Choice = new GalleryChoice(Decision.Picked, 3, Attack),
        });
        gallery.Add("failed", card => card with { Status = CardStatus.Failed, Name = Attack, Reason = Attack, Prompt = Attack, Settle = [new(Attack)], Stack = Attack });
        gallery.AddSaved("boat2");
        gallery.Write(title: Attack);
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery, from);

        await open.FocusFirstAsync();
        foreach (int _ in Enumerable.Range(0, 3))
        {
            await open.PressAsync("Enter");
            await open.Page.Locator("#large").WaitForAsync();
            await open.PressAsync("Escape", "ArrowRight");
        }

        await open.PressAsync("Home", "c", "Escape", "?", "Escape");
        Assert.Equal(Attack.Replace("\u2028", "<U+2028>", StringComparison.Ordinal), await open.Page.TitleAsync());
        await Assertions.Expect(open.Page.Locator(".card .prompt").First)
            .ToContainTextAsync(Attack.Replace("\u2028", string.Empty, StringComparison.Ordinal)[..40], new() { UseInnerText = true });
        Assert.False(await open.Page.EvaluateAsync<bool>("'hacked' in window"));
        string own = open.AddressOf(gallery)[..^"gallery.html".Length];
        Assert.All(open.Requests, address => Assert.StartsWith(own, address, StringComparison.Ordinal));
        Assert.Equal(0, await open.Page.EvaluateAsync<int>("document.querySelectorAll('.card script, .card svg[onload], [onerror], dialog script').length"));
    }

    [Theory]
    [InlineData(From.File)]
    [InlineData(From.Server)]
    public async Task Files_with_any_name_are_found(From from)
    {
        string[] names =
        [
            "100 % of #1? &amp; it's <b>", "a+b;c,d=e@f$g!h~i*", "naïve ☃ 🎬 e\u0301", "%41%2F", .. OperatingSystem.IsWindows() ? Array.Empty<string>() : ["two\nlines", "back\\slash", "qu\"ote", "colon:first"],
        ];
        using var gallery = new GalleryFolder();
        foreach (string name in names.Where(name => !OperatingSystem.IsWindows() || name.IndexOfAny(Path.GetInvalidFileNameChars()) < 0))
        {
            gallery.AddSaved(name);
        }

        gallery.Write();
        await using OpenPage open = await OpenPage.OpenAsync(browser, gallery, from);
        await open.FocusFirstAsync();
        await open.PressAsync("Enter");
        for (int i = 0; i < gallery.Cards.Count; i++)
        {
            await open.WaitForAsync($"document.querySelector('#large-place').textContent.startsWith('{i + 1} of') && document.querySelector('#large-stage video')?.currentTime > 0");
            await open.PressAsync("ArrowRight");
        }

        await open.PressAsync("Escape");
        await open.WaitForAsync("[...document.querySelectorAll('.poster img')].every(image => image.complete && image.naturalWidth > 0)");
        open.AssertNoErrors();
    }

    [Theory]
    [InlineData(From.File)]
    [InlineData(From.Server)]
    public async Task What_got_into_the_page_all_the_same_could_neither_run_nor_call_out(From from)
    {
        await using OpenPage open = await OpenPage.OfNightAsync(browser, from);

        string[] refused = await open.Page.EvaluateAsync<string[]>("""
            new Promise(done => {
                const refused = new Set();
                document.addEventListener('securitypolicyviolation', event => {
                    refused.add(event.effectiveDirective);
                    if (refused.size === 6) {
                        done([...refused].sort());
                    }
                });
                const script = document.createElement('script');
                script.textContent = 'window.hacked = 1';
                const box = document.createElement('div');
                box.innerHTML = '<img src="https://leak.invalid/i"><video src="https://leak.invalid/v"></video><p style="color: red" onclick="window.hacked = 2"></p>';
                document.body.append(script, box);
                box.querySelector('p').click();
                fetch('https://leak.invalid/f').catch(() => {});
            })
            """);
        Assert.Equal(["connect-src", "img-src", "media-src", "script-src-attr", "script-src-elem", "style-src-attr"], refused);
        Assert.False(await open.Page.EvaluateAsync<bool>("'hacked' in window"));
        Assert.All(
            open.Requests.Where(address => address.Contains("leak.invalid", StringComparison.Ordinal)),
            address => Assert.Equal("csp", open.Failures.GetValueOrDefault(address)));
    }
}
