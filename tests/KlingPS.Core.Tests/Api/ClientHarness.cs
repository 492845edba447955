using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Tests.Api;

/// <summary>A client, the service it talks to, and the clock they share.</summary>
internal sealed class ClientHarness : IDisposable
{
    public const string Secret = "5d41402abc4b2a76b9719d911017c592";

    private readonly HttpMessageInvoker _http;
    private readonly ApiKey _key = ApiKey.From(Secret);

    public ClientHarness(int maxAttempts = 5, bool wantsBodies = false)
    {
        Observer = new RecordingObserver { WantsBodies = wantsBodies };
        _http = new HttpMessageInvoker(Service);
        Client = new KlingClient(_http, KlingEndpoints.Default, _key, new KlingClientOptions { MaxAttempts = maxAttempts, Observer = Observer, TimeProvider = Clock });
    }

    public static VideoSpec Video { get; } = new() { Prompt = "A fox runs.", Image = MediaSource.FromUri("https://images.example/fox.png") };

    public FakeService Service { get; } = new();

    public TestClock Clock { get; } = new();

    public RecordingObserver Observer { get; }

    public KlingClient Client { get; }

    public Task<string> CreateAsync(CancellationToken cancellationToken = default) => Clock.RunAsync(Client.CreateTaskAsync(Video, cancellationToken));

    public Task<decimal> GetCreditsAsync() => Clock.RunAsync(Client.GetCreditsAsync(CancellationToken.None));

    public Task<TaskSnapshot> QueryAsync(string taskId = "t1") => Clock.RunAsync(Client.QueryTaskAsync(taskId, CancellationToken.None));

    public void Dispose()
    {
        _http.Dispose();
        _key.Dispose();
    }
}
