using System.Net.Sockets;
using KlingPS.Sandbox.Callbacks;
using KlingPS.Sandbox.Downloads;
using KlingPS.Sandbox.Http;
using KlingPS.Sandbox.Routes;
using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Hosting;

/// <summary>
/// A local stand-in for the kie.ai jobs API: the same paths, envelopes, codes and quirks, a bill of what clients did, and
/// faults on demand. It listens on loopback only, costs nothing, and fetches nothing from other machines.
/// </summary>
internal sealed class SandboxServer : IAsyncDisposable, IDisposable
{
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(1);

    private readonly LoopbackListener _listener;
    private readonly RequestLog _log = new();
    private readonly ServiceState _state;
    private readonly HttpClient _http;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ApiRouter _router;
    private readonly DownloadHost _downloads;

    private SandboxServer(SandboxOptions options, LoopbackListener listener)
    {
        _listener = listener;
        _state = new ServiceState(options, DownloadEndpoint);
        StartedAt = _state.TimeProvider.GetUtcNow();
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false }) { Timeout = TimeSpan.FromSeconds(30) };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("KlingPS.Sandbox");

        DownloadCatalog catalog = new(_state, options.VideoSize, options.LinkLifetime);
        CallbackSender callbacks = new(_state, options.CallbackKey, _http, _stopping.Token);
        _downloads = new DownloadHost(_state, catalog);
        _router = new ApiRouter(
            [
                .. new JobRoutes(_state, catalog, callbacks).All,
                .. new UploadRoutes(_state, _http).All,
                .. new ControlRoutes(_state.Faults, GetBill).All,
            ],
            _state,
            options.RealHttpStatus);
    }

    /// <summary>Base address of the API; ends with a slash, like the others.</summary>
    public Uri Endpoint => _listener.EndpointOf(LoopbackHost.Api);

    /// <summary>Base address of the upload host.</summary>
    public Uri UploadEndpoint => _listener.EndpointOf(LoopbackHost.Upload);

    /// <summary>Base address of the host that serves videos and uploaded images. It never needs the key.</summary>
    public Uri DownloadEndpoint => _listener.EndpointOf(LoopbackHost.Download);

    /// <summary>The key that is accepted. It is useless anywhere else.</summary>
    public string ApiKey => _state.ApiKey;

    /// <summary>When the server started, by its own clock.</summary>
    public DateTimeOffset StartedAt { get; }

    /// <summary>False once disposed.</summary>
    public bool IsRunning => _listener.IsRunning;

    /// <summary>The faults that are not used up, in order.</summary>
    public IReadOnlyList<SandboxFault> Faults => _state.Faults.Snapshot();

    internal string UploadFolder => _state.Uploads.Folder;

    /// <summary>Starts a server.</summary>
    /// <exception cref="IOException">The requested port is taken.</exception>
    public static SandboxServer Start(SandboxOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        LoopbackListener listener = LoopbackListener.Start(options.Port);
        SandboxServer server = new(options, listener);
        listener.Accept(server.ServeAsync);
        return server;
    }

    /// <summary>What clients have done so far.</summary>
    public SandboxBill GetBill() => _state.Meter.ToBill(_state.GetStatement(), _log.Snapshot());

    /// <summary>Adds a fault to the plan.</summary>
    /// <exception cref="ArgumentException">The fault could never happen, or a number is out of range.</exception>
    public void AddFault(SandboxFault fault) => _state.Faults.Add(fault);

    /// <summary>Removes all faults that are still to come.</summary>
    public void ClearFaults() => _state.Faults.Clear();

    /// <summary>Sets the balance. Credits held by running tasks are not part of it.</summary>
    public void SetCredits(decimal credits) => _state.Account.CreditsLeft = credits;

    /// <summary>Stops the server, breaks its connections and deletes the uploaded files.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _listener.Dispose();
        _http.Dispose();
        _state.Uploads.Dispose();
    }

    /// <summary>Like <see cref="Dispose"/>, but waits up to a second for the last request to finish.</summary>
    public async ValueTask DisposeAsync()
    {
        Dispose();
        await Task.WhenAny(_listener.Idle, Task.Delay(s_stopTimeout)).ConfigureAwait(false);
        _state.Uploads.Dispose();
    }

    private async Task ServeAsync(HttpRequest request, HttpResponse response, LoopbackHost host, CancellationToken cancellationToken)
    {
        Exchange exchange = new(request, response, host, _state.TimeProvider.GetUtcNow(), _log, _state.TimeProvider);
        try
        {
            response.AddHeader("Server", "cloudflare");
            await (host == LoopbackHost.Download
                ? _downloads.ServeAsync(exchange, cancellationToken)
                : _router.ServeAsync(exchange, cancellationToken)).ConfigureAwait(false);
        }
        catch (Exception exception) when (IsRunning && !response.HasBegun && !HasClientGone(exception))
        {
            await ReportAsync(exchange, exception, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The client has gone, or the server is stopping. Whatever it was, it must affect only this request.
            response.Break();
        }
        finally
        {
            if (!IsRunning)
            {
                _state.Uploads.Dispose();
            }
        }
    }

    private static bool HasClientGone(Exception exception) => exception is SocketException or InvalidDataException or OperationCanceledException;

    /// <summary>Tells the client what has gone wrong in the sandbox itself, such as that its files are gone.</summary>
    private static async Task ReportAsync(Exchange exchange, Exception problem, CancellationToken cancellationToken)
    {
        try
        {
            await exchange.SendTextAsync(500, "text/plain; charset=UTF-8", $"The sandbox failed: {problem.Message}\n", cancellationToken).ConfigureAwait(false);
        }
        catch (Exception)
        {
            exchange.Response.Break();
        }
    }
}
