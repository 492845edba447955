using System.Collections.Concurrent;
using System.Reflection;

[assembly: AssemblyFixture(typeof(KlingPS.Browser.Tests.Browser))]

namespace KlingPS.Browser.Tests;

/// <summary>The Chromium of this system, started once for all tests and driven by Playwright. Nothing is downloaded.</summary>
public sealed class Browser : IAsyncLifetime
{
    /// <summary>The first is the same engine without a window that nobody sees, which takes a third less of the processor's time.</summary>
    private static readonly string[] s_names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    /// <summary>Deletes what the page has had the browser keep, which is still open.</summary>
    internal const string ForgetEverything = """
        indexedDB.databases().then(databases => Promise.all(databases.map(({ name }) => new Promise((done, failed) => {
            const deleting = indexedDB.deleteDatabase(name);
            deleting.onsuccess = done;
            deleting.onerror = () => failed(deleting.error);
        }))))
        """;

    /// <summary>Pages that no test has for now, each with a profile of its own in which nothing is kept.</summary>
    private readonly ConcurrentBag<IPage> _idle = [];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>What is not to be had here, in words; <see langword="null"/> when there is a browser.</summary>
    private string? Missing { get; set; }

    public async ValueTask InitializeAsync()
    {
        if (FindExecutable() is not string path)
        {
            Missing = "There is no Chromium on the PATH. Debian's package is chromium-headless-shell.";
            return;
        }

        // The driver is run from its package, so that no copy of it is made for every build.
        Environment.SetEnvironmentVariable("PLAYWRIGHT_DRIVER_SEARCH_PATH", PlaywrightPackage());
        Environment.SetEnvironmentVariable("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        Assertions.SetDefaultExpectTimeout((float)Eventually.Patience.TotalMilliseconds);
        _playwright = await Microsoft.Playwright.Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = path,

            // Root has no sandbox in Chromium. The small shared memory of containers ends it.
            ChromiumSandbox = !(OperatingSystem.IsLinux() && Environment.UserName == "root"),
            Args = ["--disable-dev-shm-usage"],

            // Scrollbars take room on most desktops, and what lies below one cannot be used.
            IgnoreDefaultArgs = ["--hide-scrollbars"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
    }

    /// <summary>A page in a profile in which nothing is kept. It is used again: to make one takes longer than most tests.</summary>
    internal async Task<IPage> RentAsync()
    {
        Assert.SkipWhen(Missing is not null, Missing ?? string.Empty);
        return _idle.TryTake(out IPage? page) ? page : await NewPageAsync(new(), null);
    }

    /// <summary>Takes back a page. What it shows is still there.</summary>
    internal async Task ReturnAsync(IPage page)
    {
        try
        {
            await Assertions.Expect(page.Locator("#keep[aria-busy=true]")).ToHaveCountAsync(0);
            await page.EvaluateAsync(ForgetEverything);
            await page.GotoAsync("about:blank");
            await page.Mouse.MoveAsync(0, 0);
            _idle.Add(page);
        }
        catch (PlaywrightException)
        {
            // It is not what it was; the next test gets another one.
            await page.Context.DisposeAsync();
        }
    }

    /// <summary>A page in a profile of its own.</summary>
    internal async Task<IPage> NewPageAsync(BrowserNewContextOptions options, string? before)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? string.Empty);
        options.TimezoneId ??= "UTC";
        IBrowserContext context = await _browser!.NewContextAsync(options);
        context.SetDefaultTimeout((float)Eventually.Patience.TotalMilliseconds);
        if (before is not null)
        {
            await context.AddInitScriptAsync(before);
        }

        return await context.NewPageAsync();
    }

    private static string PlaywrightPackage()
        => typeof(Browser).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "PlaywrightPackage").Value!;

    private static string? FindExecutable()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return s_names.SelectMany(name => folders.Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? $"{name}.exe" : name))).FirstOrDefault(File.Exists);
    }
}
