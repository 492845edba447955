using System.Globalization;

namespace KlingPS.Browser.Tests;

/// <summary>Measures the page; the figures depend on the machine, so these are no tests. <c>./build.ps1 Bench page</c> runs them.</summary>
public class PageFigures(Browser browser, ITestOutputHelper output)
{
    private const int Runs = 5;

    [Fact(Explicit = true)]
    public async Task A_page_of_2000_cards()
    {
        using GalleryFolder gallery = new GalleryFolder().AddMany(2000);
        gallery.Write();
        double megabytes = new FileInfo(gallery.Page).Length / 1e6;
        var paints = new List<double>();
        var frames = new List<double>();
        var filters = new List<double>();
        var players = new List<double>();
        for (int run = 0; run < Runs; run++)
        {
            await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
            await open.WaitForAsync("document.readyState === 'complete' && performance.getEntriesByType('paint').length > 0");
            paints.Add(await open.Page.EvaluateAsync<double>("performance.getEntriesByType('paint')[0].startTime"));

            // From top to end: the longest time between two frames.
            frames.Add(await open.Page.EvaluateAsync<double>("""
                new Promise(done => {
                    let last = 0, longest = 0;
                    const step = now => {
                        longest = last ? Math.max(longest, now - last) : 0;
                        last = now;
                        scrollBy(0, 300);
                        if (scrollY + innerHeight < document.documentElement.scrollHeight - 1) {
                            requestAnimationFrame(step);
                        } else {
                            done(longest);
                        }
                    };
                    requestAnimationFrame(step);
                })
                """));
            filters.Add(await open.Page.EvaluateAsync<double>("""
                (() => {
                    const start = performance.now();
                    const find = document.querySelector('#find');
                    find.value = 'video-1';
                    find.dispatchEvent(new Event('input'));
                    document.body.getBoundingClientRect();
                    return performance.now() - start;
                })()
                """));
            await open.Page.EvaluateAsync("document.querySelector('#clear').click()");
            await open.FocusFirstAsync();
            double most = 0;
            for (int i = 0; i < 40; i++)
            {
                await open.PressAsync("Space", "ArrowRight");
                most = Math.Max(most, await open.PlayersAsync());
            }

            players.Add(most);
        }

        Tell("size of the page", "3 MB", "MB", [megabytes]);
        Tell("first paint", "1000 ms", "ms", paints);
        Tell("longest frame while scrolling", "50 ms", "ms", frames);
        Tell("filtering", "", "ms", filters);
        Tell("players alive at most", "8", "", players);
    }

    [Fact(Explicit = true)]
    public async Task Two_videos_after_ten_seconds()
    {
        using var gallery = new GalleryFolder();
        gallery.AddSaved("boat", seconds: 10);
        gallery.AddSaved("lighthouse", seconds: 10);
        gallery.Write();
        var spreads = new List<double>();
        for (int run = 0; run < Runs; run++)
        {
            await using OpenPage open = await OpenPage.OpenAsync(browser, gallery);
            await open.FocusFirstAsync();
            await open.PressAsync("c");

            // They begin again after ten seconds; so this is late in the second round.
            spreads.Add(await open.Page.EvaluateAsync<double>("""
                new Promise(done => {
                    let rounds = 0, last = 0;
                    const look = () => {
                        const times = [...document.querySelectorAll('.pane video')].map(video => video.currentTime);
                        rounds += times[0] < last - 5 ? 1 : 0;
                        last = times[0];
                        if (rounds === 1 && last > 2) {
                            done(Math.abs(times[0] - times[1]) * 1000);
                        } else {
                            requestAnimationFrame(look);
                        }
                    };
                    requestAnimationFrame(look);
                })
                """));
        }

        Tell("two videos apart, 12 s after they began", "50 ms", "ms", spreads);
    }

    private void Tell(string what, string target, string unit, List<double> values)
        => output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {what} | {target} | {values.Order().ElementAt(values.Count / 2):0.##} {unit} | {values.Min():0.##} to {values.Max():0.##} |"));
}
