using System.Collections.Concurrent;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Sessions;

/// <summary>What a session is made of. The session takes over the key and the handlers.</summary>
internal sealed record SessionOptions
{
    /// <summary>Where the service is.</summary>
    public required KlingEndpoints Endpoints { get; init; }

    /// <summary>The account's key.</summary>
    public required ApiKey Key { get; init; }

    /// <summary>Where the key came from, in words.</summary>
    public required string KeySource { get; init; }

    /// <summary>Whether the service is the local sandbox.</summary>
    public bool IsSandbox { get; init; }

    /// <summary>Connects to the service.</summary>
    public required HttpMessageHandler ApiHandler { get; init; }

    /// <summary>Connects to the download hosts.</summary>
    public required HttpMessageHandler DownloadHandler { get; init; }

    /// <summary>The record of all attempts.</summary>
    public required ITaskLedger Ledger { get; init; }

    /// <summary>The use of the ledger, which ends with the session; <see langword="null"/> if the ledger belongs to somebody else.</summary>
    public IAsyncDisposable? LedgerUse { get; init; }

    /// <summary>What the user should know about the ledger before the first purchase, if anything.</summary>
    public string? LedgerNotice { get; init; }

    /// <summary>The most credits the account may spend on one day; <see langword="null"/> for no limit.</summary>
    public decimal? DailyCreditCap { get; init; }

    /// <summary>
    /// How long a request may go unanswered; a purchase is always given at least two minutes. For an upload, how long it may stand still.
    /// </summary>
    public TimeSpan RequestTimeout { get; init; } = KlingClientOptions.DefaultRequestTimeout;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}

/// <summary>One account at one service, with everything its commands share: connections, rate gates, ledger, and what is known about generation times.</summary>
internal sealed class KlingSession : IAsyncDisposable
{
    private static readonly TimeSpan s_probeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long purchases, like queries, wait for a service that takes none.</summary>
    private static readonly TimeSpan s_longestOutage = TimeSpan.FromMinutes(10);

    /// <summary>How long nothing is sent after they have waited that long: what comes next would most likely be refused as well.</summary>
    private static readonly TimeSpan s_outagePause = TimeSpan.FromSeconds(30);

    private readonly HttpMessageInvoker _api;
    private readonly HttpMessageHandler _downloads;
    private readonly ConcurrentDictionary<Task, byte> _purchases = new();
    private readonly IAsyncDisposable? _ledgerUse;
    private readonly TimeSpan _requestTimeout;
    private string? _ledgerNotice;
    private int _hasLookedForCopy;
    private volatile object? _dailyCreditCap;
    private volatile bool _hasEnded;
    private volatile AccountStanding _standing;
    private volatile SessionGates _gates;

    /// <summary>Creates the session. Nothing is sent.</summary>
    public KlingSession(SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Endpoints = options.Endpoints;
        Key = options.Key;
        KeySource = options.KeySource;
        IsSandbox = options.IsSandbox;
        Ledger = options.Ledger;
        _ledgerUse = options.LedgerUse;
        _ledgerNotice = options.LedgerNotice;
        DailyCreditCap = options.DailyCreditCap;
        TimeProvider = options.TimeProvider;
        _requestTimeout = options.RequestTimeout;
        Fingerprint = Key.Fingerprint(Endpoints.Api);
        _standing = new AccountStanding { Account = Fingerprint };
        _api = new HttpMessageInvoker(options.ApiHandler, disposeHandler: true);
        _downloads = options.DownloadHandler;
        _gates = OpenGates(Account);
        CreateOutage = new SharedOutage(TimeProvider, s_longestOutage, s_outagePause);
    }

    /// <summary>Where the service is.</summary>
    public KlingEndpoints Endpoints { get; }

    /// <summary>The account's key.</summary>
    public ApiKey Key { get; }

    /// <summary>Where the key came from, in words.</summary>
    public string KeySource { get; }

    /// <summary>Whether the service is the local sandbox.</summary>
    public bool IsSandbox { get; }

    /// <summary>The key and where it is used, as a fingerprint that does not reveal it.</summary>
    public string Fingerprint { get; }

    /// <summary>The account that pays: the fingerprint of the key that it was first known by, see <see cref="AccountFinder"/>; until it is found, that of this key.</summary>
    public string Account => _standing.Account;

    /// <summary>The other accounts that have bought at the same service, by the ledger, or may have.</summary>
    public IEnumerable<OtherAccount> Others => _standing.Others.Where(other => other.MayCount);

    /// <summary>The record of all attempts.</summary>
    public ITaskLedger Ledger { get; }

    /// <summary>The most credits the account may spend on one day; <see langword="null"/> for no limit. May be changed at any time.</summary>
    public decimal? DailyCreditCap
    {
        get => (decimal?)_dailyCreditCap;
        set => _dailyCreditCap = value;
    }

    /// <summary>What the account had left when it was last asked; <see langword="null"/> if it never was.</summary>
    internal AccountBalance? LastBalance { get; set; }

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; }

    /// <summary>How long a request that buys may go unanswered.</summary>
    public TimeSpan CreateTimeout => _requestTimeout > KlingClientOptions.LeastCreateTimeout ? _requestTimeout : KlingClientOptions.LeastCreateTimeout;

    /// <summary>Keeps create requests within what the service accepts.</summary>
    public ICreateGate CreateGate => _gates.Create;

    /// <summary>Keeps status queries within what the service accepts.</summary>
    public IRateGate QueryGate => _gates.Query;

    /// <summary>An outage in which the service takes no requests for videos, shared by all who send them.</summary>
    public SharedOutage CreateOutage { get; }

    /// <summary>How long tasks have taken so far.</summary>
    public DurationStatistics GenerationTimes { get; } = new();

    /// <summary>Whose key it is, as far as that is known.</summary>
    internal AccountStanding Standing
    {
        get => _standing;
        set
        {
            if (value.Account != _standing.Account)
            {
                // The limits are the account's, whichever of its keys is used.
                _gates = OpenGates(value.Account);
            }

            _standing = value;
        }
    }

    /// <summary>Whether a task is one of the account and was read from the ledger in use.</summary>
    internal bool Has(KlingVideoTask task) => task.Account == Account && task.LedgerId is not null && task.LedgerId == Ledger.Id;

    /// <summary>What the user should know about the ledger before something is bought; <see langword="null"/> once it has been said.</summary>
    internal string? TakeLedgerNotice() => Interlocked.Exchange(ref _ledgerNotice, null) ?? Ledger.TakeNotice();

    /// <summary>What the user should know before something is bought with a ledger that is a copy, once in a session; <see langword="null"/> if it is not a copy, or something has been bought with it.</summary>
    internal async Task<string?> TakeCopyNoticeAsync(CancellationToken cancellationToken)
        => Interlocked.Exchange(ref _hasLookedForCopy, 1) == 0 && await Ledger.IsUnusedCopyAsync(cancellationToken).ConfigureAwait(false)
            ? $"The ledger '{Ledger.Location}' is a copy, and nothing has been bought with it yet. From now on use only this one, on every machine, and not the one that it was copied from: what is bought with one of them is not known to the other, which would buy it again."
            : null;

    /// <summary>A client over the session's connections.</summary>
    /// <param name="observer">Notified of every request.</param>
    /// <param name="loss">Whether the command has lost its ledger, for commands that continue without it.</param>
    public KlingClient CreateClient(IRequestObserver? observer, LedgerLoss? loss = null)
    {
        KlingClientOptions options = CreateClientOptions(observer);
        return new(_api, Endpoints, Key, loss is null ? options : options with { QueryGate = new QueryPace(QueryGate, loss, TimeProvider) });
    }

    /// <summary>A client for questions that can be left open: it asks once, and does not wait for long.</summary>
    /// <param name="observer">Notified of every request.</param>
    internal KlingClient CreateProbingClient(IRequestObserver? observer) => new(_api, Endpoints, Key, CreateClientOptions(observer) with
    {
        RequestTimeout = _requestTimeout < s_probeTimeout ? _requestTimeout : s_probeTimeout,
        MaxAttempts = 1,
    });

    /// <summary>Describes the account.</summary>
    /// <param name="credits">Credits left, if they are known.</param>
    public KlingAccount Describe(decimal? credits) => new()
    {
        Endpoint = Endpoints.Api,
        UploadEndpoint = Endpoints.Upload,
        KeySource = KeySource,
        Fingerprint = Fingerprint,
        IsSandbox = IsSandbox,
        Credits = credits,
    };

    /// <summary>Connects to the download hosts, without the key. It belongs to the session.</summary>
    /// <param name="observer">Notified of every request.</param>
    internal HttpMessageHandler GetDownloadHandler(IRequestObserver? observer)
        => observer is null ? _downloads : new ObservedHandler(_downloads, observer, TimeProvider);

    /// <summary>Makes a purchase, and keeps the session's connections open until it has been recorded, even if nobody waits for it any more.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.ApiKeyMissing"/>: the session has ended; the purchase was not begun.</exception>
    internal async Task<T> ProtectAsync<T>(Func<Task<T>> purchase)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _purchases.TryAdd(over.Task, 0);
        try
        {
            // Read only now, so that either the end of the session is seen here, or it has seen the purchase.
            return _hasEnded ? throw SessionErrors.CreateEndedException() : await purchase().ConfigureAwait(false);
        }
        finally
        {
            _purchases.TryRemove(over.Task, out _);
            over.SetResult();
        }
    }

    private KlingClientOptions CreateClientOptions(IRequestObserver? observer) => new()
    {
        QueryGate = QueryGate,
        RequestTimeout = _requestTimeout,
        CreateTimeout = CreateTimeout,
        Observer = observer,
        TimeProvider = TimeProvider,
    };

    /// <summary>The service's documented limits: 20 creates in 10 seconds for an account, 10 queries in a second for a key.</summary>
    private SessionGates OpenGates(string account) => new(Ledger.RateGates.OpenCreateGate(account), Ledger.RateGates.OpenQueryGate(account));

    /// <summary>Waits for purchases that are under way, then closes the connections, forgets the key and ends the use of the ledger.</summary>
    public async ValueTask DisposeAsync()
    {
        _hasEnded = true;
        await Task.WhenAll(_purchases.Keys).ConfigureAwait(false);
        _api.Dispose();
        _downloads.Dispose();
        Key.Dispose();
        if (_ledgerUse is not null)
        {
            await _ledgerUse.DisposeAsync().ConfigureAwait(false);
        }
    }

    private sealed record SessionGates(ICreateGate Create, IRateGate Query);
}
