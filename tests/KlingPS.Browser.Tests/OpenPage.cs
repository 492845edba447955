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

/// <summary>What a page is looked at with.</summary>
internal sealed record View(int Width = 1280, int Height = 800, ColorScheme Scheme = ColorScheme.Light, ReducedMotion Motion = ReducedMotion.NoPreference);

/// <summary>A page in a browser, and everything it did that a page should not do.</summary>
internal sealed class OpenPage : IAsyncDisposable
{
    private readonly Func<IPage, Task> _close;
    private readonly FolderServer? _server;
    private GalleryFolder? _ownGallery;

    private OpenPage(IPage page, Func<IPage, Task> close, FolderServer? server)
    {
        _close = close;
        _server = server;
        Page = page;
        page.Request += Note;
        page.RequestFailed += NoteFailure;
        page.PageError += Note;
        page.Console += Note;
    }

    public IPage Page { get; }

    /// <summary>Every address that anything on the page was asked for from.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Why a request came to nothing, by its address.</summary>
    public ConcurrentDictionary<string, string> Failures { get; } = new();

    /// <summary>Exceptions, and errors in the console.</summary>
    public ConcurrentQueue<string> Errors { get; } = new();

    /// <summary>Opens the page of a gallery.</summary>
    /// <param name="browser">The browser.</param>
    /// <param name="gallery">The gallery.</param>
    /// <param name="from">Where it is opened from.</param>
    /// <param name="view">What it is looked at with.</param>
    /// <param name="profile">What is to be special about the profile.</param>
    /// <param name="before">A script that runs before those of the page.</param>
    public static async Task<OpenPage> OpenAsync(
        Browser browser, GalleryFolder gallery, From from = From.File, View? view = null, BrowserNewContextOptions? profile = null, string? before = null)
    {
        bool isRented = profile is null && before is null;
        IPage page = isRented ? await browser.RentAsync() : await browser.NewPageAsync(profile ?? new(), before);
        var open = new OpenPage(page, isRented ? browser.ReturnAsync : own => own.Context.DisposeAsync().AsTask(), from == From.Server ? new FolderServer(gallery.Folder) : null);
        view ??= new();
        await page.SetViewportSizeAsync(view.Width, view.Height);
        await page.EmulateMediaAsync(new() { Media = Media.Null, ColorScheme = view.Scheme, ReducedMotion = view.Motion });
        await open.GoToAsync(open.AddressOf(gallery));
        return open;
    }

    /// <summary>Opens the page of a night, which goes when the page is closed. See <see cref="GalleryFolder.AddNight"/>.</summary>
    public static Task<OpenPage> OfNightAsync(Browser browser, From from = From.File, View? view = null)
        => OfOwnAsync(browser, new GalleryFolder().AddNight(), from, view);

    /// <summary>Opens a page of that many saved videos, which goes when the page is closed.</summary>
    public static Task<OpenPage> OfManyAsync(Browser browser, int count, From from = From.File, View? view = null)
        => OfOwnAsync(browser, new GalleryFolder().AddMany(count), from, view);

    private static async Task<OpenPage> OfOwnAsync(Browser browser, GalleryFolder gallery, From from, View? view)
    {
        try
        {
            gallery.Write();
            OpenPage open = await OpenAsync(browser, gallery, from, view);
            open._ownGallery = gallery;
            return open;
        }
        catch
        {
            gallery.Dispose();
            throw;
        }
    }

    /// <summary>Opens the page once more, in the same profile.</summary>
    public async Task<OpenPage> InAnotherTabAsync()
    {
        var other = new OpenPage(await Page.Context.NewPageAsync(), page => page.CloseAsync(), server: null);
        await other.GoToAsync(Page.Url);
        return other;
    }

    public string AddressOf(GalleryFolder gallery) => _server is null ? new Uri(gallery.Page).AbsoluteUri : new Uri(_server.Address, "gallery.html").AbsoluteUri;

    public async ValueTask DisposeAsync()
    {
        Page.Request -= Note;
        Page.RequestFailed -= NoteFailure;
        Page.PageError -= Note;
        Page.Console -= Note;
        await _close(Page);
        _server?.Dispose();
        _ownGallery?.Dispose();
    }

    /// <summary>Opens an address. Then the scripts of the page have run; its pictures and videos may still be on their way.</summary>
    public Task GoToAsync(string address) => Page.GotoAsync(address, new() { WaitUntil = WaitUntilState.DOMContentLoaded });

    /// <summary>As <see cref="GoToAsync"/>, for the page that is open.</summary>
    public Task ReloadAsync() => Page.ReloadAsync(new() { WaitUntil = WaitUntilState.DOMContentLoaded });

    /// <summary>The cards that are to be seen, in order.</summary>
    public ILocator Cards => Page.Locator(".card:visible");

    public ILocator CardOf(string name) => Page.Locator(".card:visible").Filter(new() { Has = Page.Locator("h2", new() { HasTextString = name }) });

    /// <summary>The name of the card that has the focus.</summary>
    public Task<string> FocusedAsync() => Page.EvaluateAsync<string>("document.activeElement.closest('.card')?.querySelector('h2').textContent ?? ''");

    /// <summary>Waits until the card of that name has the focus.</summary>
    public Task HasFocusAsync(string name) => Eventually.TrueAsync(async () => await FocusedAsync() == name, $"the focus on {name}");

    /// <summary>Waits until the cards that are to be seen are those, in that order.</summary>
    public Task HasNamesAsync(params string[] names) => Assertions.Expect(Cards.Locator("h2")).ToHaveTextAsync(names);

    /// <summary>Waits until the head says that of all, of what is shown, or of what is picked.</summary>
    public Task HasSumAsync(string which, string sum) => Assertions.Expect(Page.Locator($"#sum-{which}")).ToHaveTextAsync(sum, new() { UseInnerText = true });

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

    /// <summary>Waits until the browser has kept all choices, or has refused to.</summary>
    public Task HasKeptAsync() => Assertions.Expect(Page.Locator("#keep")).ToHaveAttributeAsync("aria-busy", "false");

    public void AssertNoErrors() => Assert.Empty(Errors);

    private void Note(object? sender, IRequest request) => Requests.Enqueue(request.Url);

    private void NoteFailure(object? sender, IRequest request) => Failures[request.Url] = request.Failure ?? string.Empty;

    private void Note(object? sender, string error) => Errors.Enqueue(error);

    private void Note(object? sender, IConsoleMessage message)
    {
        if (message.Type == "error")
        {
            Errors.Enqueue(message.Text);
        }
    }
}
