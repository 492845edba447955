using System.Collections.Concurrent;

namespace KlingPS.Browser.Tests;

/// <summary>How a page is opened.</summary>
public enum From
{
    /// <summary>By its path, from a disk or a stick.</summary>
    File,

    /// <summary>From a web server.</summary>
    Server,
}

/// <summary>A page in a browser, and everything it did that a page should not do.</summary>
internal sealed class OpenPage : IAsyncDisposable
{
    private readonly FolderServer? _server;
    private GalleryFolder? _ownGallery;

    private OpenPage(IBrowserContext context, IPage page, FolderServer? server)
    {
        Context = context;
        Page = page;
        _server = server;
    }

    public IBrowserContext Context { get; }

    public IPage Page { get; }

    /// <summary>Every address that anything on the page was asked for from.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Why a request came to nothing, by its address.</summary>
    public ConcurrentDictionary<string, string> Failures { get; } = new();

    /// <summary>Exceptions, and errors in the console.</summary>
    public ConcurrentQueue<string> Errors { get; } = new();

    public static async Task<OpenPage> OpenAsync(
        Browser browser, GalleryFolder gallery, From from = From.File, Action<BrowserNewContextOptions>? configure = null, string? before = null)
    {
        var options = new BrowserNewContextOptions { ViewportSize = new() { Width = 1280, Height = 800 } };
        configure?.Invoke(options);
        IBrowserContext context = await browser.NewContextAsync(options);
        if (before is not null)
        {
            await context.AddInitScriptAsync(before);
        }

        FolderServer? server = from == From.Server ? new FolderServer(gallery.Folder) : null;
        IPage page = await context.NewPageAsync();
        var open = new OpenPage(context, page, server);
        page.Request += (_, request) => open.Requests.Enqueue(request.Url);
        page.RequestFailed += (_, request) => open.Failures[request.Url] = request.Failure ?? string.Empty;
        page.PageError += (_, error) => open.Errors.Enqueue(error);
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                open.Errors.Enqueue(message.Text);
            }
        };
        await page.GotoAsync(open.AddressOf(gallery));
        return open;
    }

    /// <summary>Opens the page of a night, which goes when the page is closed. See <see cref="GalleryFolder.AddNight"/>.</summary>
    public static Task<OpenPage> OfNightAsync(Browser browser, From from = From.File, Action<BrowserNewContextOptions>? configure = null)
        => OfOwnAsync(browser, new GalleryFolder().AddNight(), from, configure);

    /// <summary>Opens a page of that many saved videos, which goes when the page is closed.</summary>
    public static Task<OpenPage> OfManyAsync(Browser browser, int count, From from = From.File, Action<BrowserNewContextOptions>? configure = null)
        => OfOwnAsync(browser, new GalleryFolder().AddMany(count), from, configure);

    private static async Task<OpenPage> OfOwnAsync(Browser browser, GalleryFolder gallery, From from, Action<BrowserNewContextOptions>? configure)
    {
        try
        {
            gallery.Write();
            OpenPage open = await OpenAsync(browser, gallery, from, configure);
            open._ownGallery = gallery;
            return open;
        }
        catch
        {
            gallery.Dispose();
            throw;
        }
    }

    public string AddressOf(GalleryFolder gallery) => _server is null ? new Uri(gallery.Page).AbsoluteUri : new Uri(_server.Address, "gallery.html").AbsoluteUri;

    public async ValueTask DisposeAsync()
    {
        await Context.DisposeAsync();
        _server?.Dispose();
        _ownGallery?.Dispose();
    }

    /// <summary>The cards that are to be seen, in order.</summary>
    public ILocator Cards => Page.Locator(".card:visible");

    public ILocator CardOf(string name) => Page.Locator(".card:visible").Filter(new() { Has = Page.Locator("h2", new() { HasTextString = name }) });

    /// <summary>The name of the card that has the focus.</summary>
    public Task<string> FocusedAsync() => Page.EvaluateAsync<string>("document.activeElement.closest('.card')?.querySelector('h2').textContent ?? ''");

    public async Task<string[]> NamesAsync() => [.. await Cards.Locator("h2").AllTextContentsAsync()];

    /// <summary>What the head says of all, of what is shown, or of what is picked.</summary>
    public async Task<string> SumAsync(string which) => string.Join(' ', (await Page.Locator($"#sum-{which}").InnerTextAsync()).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    public async Task PressAsync(params string[] keys)
    {
        foreach (string key in keys)
        {
            await Page.Keyboard.PressAsync(key);
        }
    }

    /// <summary>Puts the focus on the first card, from where the keys go on.</summary>
    public Task FocusFirstAsync() => Cards.First.Locator(".poster").FocusAsync();

    /// <summary>Players with something to play, in the whole page.</summary>
    public Task<int> PlayersAsync() => Page.EvaluateAsync<int>("document.querySelectorAll('video[src]').length");

    /// <summary>Waits until something holds on the page.</summary>
    public Task WaitForAsync(string condition) => Eventually.TrueAsync(() => Page.EvaluateAsync<bool>(condition), condition);

    public void AssertNoErrors() => Assert.Empty(Errors);
}
