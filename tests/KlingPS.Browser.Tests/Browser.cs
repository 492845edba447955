using System.Reflection;

[assembly: AssemblyFixture(typeof(KlingPS.Browser.Tests.Browser))]

namespace KlingPS.Browser.Tests;

/// <summary>The Chromium of this system, started once for all tests and driven by Playwright. Nothing is downloaded.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>What is not to be had here, in words; <see langword="null"/> when there is a browser.</summary>
    private string? Missing { get; set; }

    public async ValueTask InitializeAsync()
    {
        if (FindExecutable() is not string path)
        {
            Missing = "There is no Chromium on the PATH. Debian's package is chromium.";
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

    /// <summary>A fresh profile, which shares nothing with that of another test.</summary>
    internal async Task<IBrowserContext> NewContextAsync(BrowserNewContextOptions options)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? string.Empty);
        IBrowserContext context = await _browser!.NewContextAsync(options);
        context.SetDefaultTimeout((float)Eventually.Patience.TotalMilliseconds);
        return context;
    }

    private static string PlaywrightPackage()
        => typeof(Browser).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "PlaywrightPackage").Value!;

    private static string? FindExecutable()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return s_names.SelectMany(name => folders.Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? $"{name}.exe" : name))).FirstOrDefault(File.Exists);
    }
}
