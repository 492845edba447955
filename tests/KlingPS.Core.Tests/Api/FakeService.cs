using System.Collections.Concurrent;

namespace KlingPS.Core.Tests.Api;

/// <summary>A service in memory that answers as the test scripts it, and remembers what it was asked.</summary>
internal sealed class FakeService : HttpMessageHandler
{
    public const string CreatePath = "/api/v1/jobs/createTask";
    public const string QueryPath = "/api/v1/jobs/recordInfo";
    public const string CreditPath = "/api/v1/chat/credit";
    public const string RenewPath = "/api/v1/common/download-url";
    public const string UploadPath = "/api/file-stream-upload";

    private readonly ConcurrentDictionary<string, ConcurrentQueue<Reply>> _scripts = new();
    private readonly ConcurrentQueue<SentRequest> _requests = new();

    public IReadOnlyCollection<SentRequest> Requests => _requests;

    public IReadOnlyList<SentRequest> To(string path) => [.. _requests.Where(request => request.Uri.AbsolutePath == path)];

    /// <summary>Scripts what a path answers, one reply after the other; the last one is given from then on.</summary>
    public FakeService On(string path, params Reply[] replies)
    {
        _scripts[path] = new ConcurrentQueue<Reply>(replies);
        return this;
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var sent = new SentRequest(request);
        _requests.Enqueue(sent);
        cancellationToken.ThrowIfCancellationRequested();
        if (!_scripts.TryGetValue(sent.Uri.AbsolutePath, out ConcurrentQueue<Reply>? script))
        {
            throw new InvalidOperationException($"Nothing is scripted for {sent.Uri}.");
        }

        lock (script)
        {
            script.TryPeek(out Reply? reply);
            if (script.Count > 1)
            {
                script.TryDequeue(out reply);
            }

            return reply!(sent, cancellationToken);
        }
    }
}
