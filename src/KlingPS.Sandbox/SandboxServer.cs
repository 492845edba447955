using System.Net;
using System.Security.Cryptography;
using KlingPS.Sandbox.Callbacks;
using KlingPS.Sandbox.Downloads;
using KlingPS.Sandbox.Faults;
using KlingPS.Sandbox.Http;
using KlingPS.Sandbox.Jobs;
using KlingPS.Sandbox.Uploads;

namespace KlingPS.Sandbox;

/// <summary>
/// A local stand-in for the kie.ai jobs API: the same paths, envelopes, codes and quirks, a bill of what clients did, and
/// faults on demand. It listens on loopback only, spends nothing, and fetches nothing from other machines.
/// </summary>
public sealed class SandboxServer : IAsyncDisposable, IDisposable
{
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(1);

    private readonly LoopbackListener _listener;
    private readonly TimeProvider _timeProvider;
    private readonly RequestLog _log = new();
    private readonly Meter _meter = new();
    private readonly FaultBook _faults;
    private readonly Account _account;
    private readonly UploadStore _uploads;
    private readonly HttpClient _http;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ApiRouter _router;
    private readonly DownloadHost _downloads;

    private SandboxServer(SandboxOptions options, LoopbackListener listener)
    {
        _listener = listener;
        _timeProvider = options.TimeProvider;
        ApiKey = options.ApiKey ?? $"sandbox-{Convert.ToHexString(RandomNumberGenerator.GetBytes(16)).ToLowerInvariant()}";
        StartedAt = _timeProvider.GetUtcNow();
        _faults = new FaultBook(options.Seed);
        _account = new Account(options);
        _uploads = new UploadStore(options.UploadLifetime, _timeProvider);
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false }) { Timeout = TimeSpan.FromSeconds(30) };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("KlingPS.Sandbox");

        DownloadLinks links = new(DownloadEndpoint, _timeProvider);
        DownloadCatalog catalog = new(_account, _uploads, options.VideoSize, options.LinkLifetime, _timeProvider);
        CallbackSender callbacks = new(options.CallbackKey, links, _faults, _meter, _http, _timeProvider, _stopping.Token);
        _downloads = new DownloadHost(ApiKey, links, catalog, _faults, _meter, _timeProvider);
        _router = new ApiRouter(
            [
                .. new JobRoutes(_account, _uploads, links, catalog, _faults, callbacks, _timeProvider).All,
                .. new UploadRoutes(_uploads, links, _meter, _http, _timeProvider).All,
                .. new SandboxRoutes(_faults, GetBill).All,
            ],
            ApiKey,
            options.RealHttpStatus,
            _faults,
            _meter,
            _timeProvider);
    }

    /// <summary>Base address of the API; ends with a slash, like the others.</summary>
    public Uri Endpoint => _listener.EndpointOf(LoopbackHost.Api);

    /// <summary>Base address of the upload host.</summary>
    public Uri UploadEndpoint => _listener.EndpointOf(LoopbackHost.Upload);

    /// <summary>Base address of the host that serves videos and uploaded images. It never needs the key.</summary>
    public Uri DownloadEndpoint => _listener.EndpointOf(LoopbackHost.Download);

    /// <summary>The key that is accepted. It is worth nothing anywhere else.</summary>
    public string ApiKey { get; }

    /// <summary>When the server started, by its own clock.</summary>
    public DateTimeOffset StartedAt { get; }

    /// <summary>False once disposed.</summary>
    public bool IsRunning => _listener.IsRunning;

    /// <summary>The faults that are not used up, in order.</summary>
    public IReadOnlyList<SandboxFault> Faults => _faults.Snapshot();

    internal string UploadFolder => _uploads.Folder;

    /// <summary>Starts a server.</summary>
    /// <exception cref="IOException">The port asked for is taken.</exception>
    public static SandboxServer Start(SandboxOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        LoopbackListener listener = LoopbackListener.Start(options.Port);
        SandboxServer server = new(options, listener);
        listener.Accept(server.ServeAsync);
        return server;
    }

    /// <summary>What clients have done so far.</summary>
    public SandboxBill GetBill() => _meter.ToBill(_account.GetStatement(), _log.Snapshot());

    /// <summary>Plans a mishap.</summary>
    /// <exception cref="ArgumentException">It could never happen, or a number is out of range.</exception>
    public void AddFault(SandboxFault fault) => _faults.Add(fault);

    /// <summary>Forgets all faults that are still to come.</summary>
    public void ClearFaults() => _faults.Clear();

    /// <summary>Sets the balance. Credits that running tasks hold are not part of it.</summary>
    public void SetCredits(decimal credits) => _account.CreditsLeft = credits;

    /// <summary>Stops the server, cuts its connections and deletes uploaded files.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _listener.Dispose();
        _http.Dispose();
        _uploads.Delete();
    }

    /// <summary>As <see cref="Dispose"/>, and waits, at most a second, until the last request has let go.</summary>
    public async ValueTask DisposeAsync()
    {
        Dispose();
        await Task.WhenAny(_listener.Idle, Task.Delay(s_stopTimeout)).ConfigureAwait(false);
        _uploads.Delete();
    }

    private async Task ServeAsync(HttpListenerContext context, LoopbackHost host, CancellationToken cancellationToken)
    {
        // Closing the listener would complete answers that are under way; so they are broken before it.
        using CancellationTokenRegistration stopping = cancellationToken.Register(() => Exchange.Break(context.Response));
        try
        {
            Exchange exchange = new(context, host, _timeProvider.GetUtcNow(), _log);
            exchange.Response.Headers["Server"] = "cloudflare";
            await (host == LoopbackHost.Download
                ? _downloads.ServeAsync(exchange, cancellationToken)
                : _router.ServeAsync(exchange, cancellationToken)).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The client has gone, or the server is stopping. Whatever it was, it must concern this request alone.
            Exchange.Break(context.Response);
        }
        finally
        {
            if (!IsRunning)
            {
                _uploads.Delete();
            }
        }
    }
}
