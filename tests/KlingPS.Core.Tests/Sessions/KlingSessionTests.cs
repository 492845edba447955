using System.Net;
using KlingPS.Core.Api;
using KlingPS.Core.Network;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Sessions;

public sealed class KlingSessionTests : IAsyncDisposable
{
    private readonly TestClock _clock = new();
    private readonly TestLedger _ledger;

    public KlingSessionTests() => _ledger = new TestLedger(_clock);

    public ValueTask DisposeAsync() => _ledger.DisposeAsync();

    private KlingSession Create(HttpMessageHandler api, HttpMessageHandler downloads) => new(new SessionOptions
    {
        Endpoints = KlingEndpoints.Default,
        Key = ApiKey.From(ClientHarness.Secret),
        KeySource = "the test",
        ApiHandler = api,
        DownloadHandler = downloads,
        Ledger = _ledger,
        TimeProvider = _clock,
    });

    [Fact]
    public async Task An_account_is_described_without_its_key()
    {
        await using KlingSession session = Create(new FakeService(), new FakeService());

        KlingAccount account = session.Describe(7);

        Assert.Equal(("the test", 7, false), (account.KeySource, account.Credits, account.IsSandbox));
        Assert.Equal(session.Account, account.Fingerprint);
        Assert.DoesNotContain(ClientHarness.Secret, account.ToString() + session.Key, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_ended_session_has_closed_its_connections_and_forgotten_its_key()
    {
        var api = new Disposable();
        var downloads = new Disposable();
        KlingSession session = Create(api, downloads);
        Assert.True(session.Key.Matches(ClientHarness.Secret));

        await session.DisposeAsync();
        await session.DisposeAsync();

        Assert.True(api.IsDisposed && downloads.IsDisposed);
        Assert.Throws<ObjectDisposedException>(() => session.Key.Matches(ClientHarness.Secret));
    }

    [Fact]
    public async Task A_session_ends_after_the_purchases_under_way_however_they_end()
    {
        var api = new Disposable();
        KlingSession session = Create(api, new Disposable());
        var purchases = new[] { new TaskCompletionSource<int>(), new TaskCompletionSource<int>(), new TaskCompletionSource<int>() };
        Task<int>[] protectedOnes = [.. purchases.Select(purchase => session.ProtectAsync(() => purchase.Task))];

        Task ended = session.DisposeAsync().AsTask();
        purchases[0].SetResult(1);
        purchases[1].SetException(new InvalidTimeZoneException("A bug."));
        Assert.False(ended.IsCompleted);
        Assert.False(api.IsDisposed);
        purchases[2].SetCanceled();

        await ended;
        Assert.True(api.IsDisposed);
        Assert.Equal(1, await protectedOnes[0]);
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => protectedOnes[1]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => protectedOnes[2]);
    }

    [Fact]
    public async Task A_session_that_ends_while_a_purchase_is_just_beginning_waits_for_it()
    {
        var api = new Disposable();
        KlingSession session = Create(api, new Disposable());
        Task? ended = null;

        await session.ProtectAsync(() =>
        {
            ended = session.DisposeAsync().AsTask();
            Assert.False(ended.IsCompleted || api.IsDisposed);
            return Task.FromResult(0);
        });

        await ended!;
        Assert.True(api.IsDisposed);
    }

    [Fact]
    public async Task No_purchase_begins_in_a_session_that_has_ended()
    {
        KlingSession session = Create(new Disposable(), new Disposable());
        await session.DisposeAsync();

        KlingException ended = await Assert.ThrowsAsync<KlingException>(() => session.ProtectAsync(Task<int> () => throw new InvalidTimeZoneException("It has begun.")));

        Assert.Equal(ErrorKind.ApiKeyMissing, ended.Kind);
        Assert.StartsWith("The session was ended", ended.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_goes_on_in_a_session_that_was_ended_is_told_so()
    {
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        FakeService service = new FakeService().On(FakeService.CreditPath, Replies.Held(arrived, released.Task, Replies.Data("7")));
        KlingSession session = Create(service, new FakeService());
        KlingClient client = session.CreateClient(null);
        Task<decimal> underWay = client.GetCreditsAsync(CancellationToken.None);
        await Eventually.DoneAsync(arrived.Task);

        await session.DisposeAsync();
        released.SetResult();

        Assert.All(
            [await Assert.ThrowsAsync<KlingException>(() => underWay), await Assert.ThrowsAsync<KlingException>(() => client.GetCreditsAsync(CancellationToken.None))],
            error => Assert.StartsWith("The session was ended", error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task All_clients_of_a_session_share_the_limit_of_queries()
    {
        var arrivals = new System.Collections.Concurrent.ConcurrentQueue<DateTimeOffset>();
        FakeService service = new FakeService().On(FakeService.QueryPath, (request, cancellationToken) =>
        {
            arrivals.Enqueue(_clock.GetUtcNow());
            return Replies.Data("""{"state":"waiting"}""")(request, cancellationToken);
        });
        await using KlingSession session = Create(service, new FakeService());

        await _clock.RunAsync(Task.WhenAll(Enumerable.Range(0, 35).Select(i => session.CreateClient(null).QueryTaskAsync($"t{i}", CancellationToken.None))));

        DateTimeOffset[] times = [.. arrivals.Order()];
        Assert.All(Enumerable.Range(0, 25), i => Assert.True(times[i + 10] - times[i] > TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void The_connections_that_carry_the_key_follow_no_redirect_and_keep_no_cookie()
    {
        using SocketsHttpHandler handler = ApiHandler.Create(new WebProxy("http://localhost:1"));

        Assert.False(handler.AllowAutoRedirect);
        Assert.False(handler.UseCookies);
        Assert.Equal(new Uri("http://localhost:1/"), ((WebProxy)handler.Proxy!).Address);
    }

    [Fact]
    public async Task The_time_to_connect_is_apart_from_the_time_to_answer_and_a_purchase_is_given_two_minutes_at_least()
    {
        using SocketsHttpHandler handler = ApiHandler.Create(proxy: null);
        Assert.Equal(Connector.Limit * 2, handler.ConnectTimeout);
        var clock = new FakeTimeProvider();
        FakeService service = new FakeService().On(FakeService.CreditPath, Replies.Silence()).On(FakeService.CreatePath, Replies.Silence());
        await using var session = new KlingSession(new SessionOptions
        {
            Endpoints = KlingEndpoints.Default,
            Key = ApiKey.From(ClientHarness.Secret),
            KeySource = "the test",
            ApiHandler = service,
            DownloadHandler = new FakeService(),
            Ledger = _ledger,
            TimeProvider = clock,
            RequestTimeout = TimeSpan.FromSeconds(25),
        });
        var observer = new RecordingObserver();
        using var cancel = new CancellationTokenSource();

        Task<decimal> read = session.CreateClient(observer).GetCreditsAsync(cancel.Token);
        clock.Advance(TimeSpan.FromSeconds(25));
        await Eventually.DoneAsync(observer.Paused.Task);
        await cancel.CancelAsync();
        Task<string> purchase = session.CreateClient(observer).CreateTaskAsync(ClientHarness.Video, CancellationToken.None);
        clock.Advance(TimeSpan.FromSeconds(119));
        Assert.False(purchase.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        await Assert.ThrowsAsync<KlingApiException>(() => purchase);
        Assert.Equal(["nothing came within 25 seconds", "nothing came within 120 seconds"], observer.Requests.Select(report => report.Error));
    }

    private sealed class Disposable : HttpMessageHandler
    {
        public bool IsDisposed { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            base.Dispose(disposing);
        }
    }
}
