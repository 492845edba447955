using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Web;
using KlingPS.Tests.Shared;

namespace KlingPS.Bench.Engine;

/// <summary>What the other server has seen of one task.</summary>
/// <param name="CreatedAt">When its request arrived.</param>
/// <param name="EndsAt">When its video is made.</param>
internal sealed record ServedTask(DateTimeOffset CreatedAt, DateTimeOffset EndsAt)
{
    /// <summary>How often it was asked for until its video was made.</summary>
    public int Queries { get; set; }

    /// <summary>When it was first asked for after that.</summary>
    public DateTimeOffset? KnownAt { get; set; }

    /// <summary>When its download began.</summary>
    public DateTimeOffset? FetchedAt { get; set; }
}

/// <summary>What the other server has seen altogether, as JSON.</summary>
/// <param name="Refused">How many requests for videos came too early.</param>
/// <param name="QueriesRefused">How many queries did.</param>
/// <param name="Tasks">The tasks.</param>
internal sealed record ServedBill(int Refused, int QueriesRefused, IReadOnlyList<ServedTask> Tasks);

/// <summary>
/// Another server than the sandbox, which shares no code with it, to see what a client makes of one that it was not made for: the jobs API
/// over the platform's own HTTP listener, its limits counted in sliding windows as requests arrive, and refused with a code in the body.
/// </summary>
internal sealed class OtherServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly TimeSpan _generation;
    private readonly ConcurrentDictionary<string, ServedTask> _tasks = new();
    private readonly SlidingWindow _creates = new(20, TimeSpan.FromSeconds(10));
    private readonly SlidingWindow _queries = new(10, TimeSpan.FromSeconds(1));

    private readonly byte[] _video;
    private int _refused;
    private int _queriesRefused;

    private OtherServer(string address, TimeSpan generation, byte[] video)
    {
        Address = new Uri(address);
        _generation = generation;
        _video = video;
        _listener.Prefixes.Add(address);
        _listener.Start();
    }

    public Uri Address { get; }

    /// <summary>Runs until its input ends; then it writes the <see cref="ServedBill"/>.</summary>
    public static async Task<int> RunAsync(TimeSpan generation)
    {
        using var server = new OtherServer($"http://127.0.0.1:{LoopbackPort.Reserve()}/", generation, OtherVideo.Create());
        _ = server.ServeAsync();
        await Console.Out.WriteLineAsync(server.Address.AbsoluteUri);
        await Console.In.ReadToEndAsync();
        await Console.Out.WriteLineAsync(JsonSerializer.Serialize(new ServedBill(server._refused, server._queriesRefused, [.. server._tasks.Values])));
        return 0;
    }

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context = await _listener.GetContextAsync();
            DateTimeOffset now = DateTimeOffset.UtcNow;
            _ = Task.Run(() => AnswerAsync(context, now));
        }
    }

    private async Task AnswerAsync(HttpListenerContext context, DateTimeOffset now)
    {
        HttpListenerRequest request = context.Request;
        await using (Stream body = request.InputStream)
        {
            using var reader = new StreamReader(body, System.Text.Encoding.Latin1);
            await reader.ReadToEndAsync();
        }

        if (request.Url!.AbsolutePath.StartsWith("/videos/", StringComparison.Ordinal))
        {
            string id = Path.GetFileNameWithoutExtension(request.Url.AbsolutePath);
            _tasks[id].FetchedAt ??= now;
            await SendAsync(context.Response, "video/mp4", _video);
            return;
        }

        (int code, JsonNode? data) = request.Url.AbsolutePath switch
        {
            "/api/v1/jobs/createTask" => Create(now),
            "/api/v1/jobs/recordInfo" => Describe(HttpUtility.ParseQueryString(request.Url.Query)["taskId"]!, now),
            "/api/v1/chat/credit" => (200, 1_000_000),
            "/api/file-stream-upload" => (200, new JsonObject { ["downloadUrl"] = $"{Address.AbsoluteUri}kieai/1/klingps/{Guid.NewGuid():N}.png" }),
            _ => (404, null),
        };
        await SendAsync(context.Response, "application/json", JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["code"] = code,
            ["msg"] = code == 200 ? "success" : code == 429 ? "Your call frequency is too high. Please try again later." : "Not found",
            ["data"] = data,
        }));
    }

    private static async Task SendAsync(HttpListenerResponse response, string type, byte[] content)
    {
        response.ContentType = type;
        response.ContentLength64 = content.Length;
        await response.OutputStream.WriteAsync(content);
        response.Close();
    }

    private (int Code, JsonNode? Data) Create(DateTimeOffset now)
    {
        if (!_creates.TryEnter())
        {
            Interlocked.Increment(ref _refused);
            return (429, null);
        }

        string id = Guid.NewGuid().ToString("N");
        _tasks[id] = new ServedTask(now, now + _generation);
        return (200, new JsonObject { ["taskId"] = id });
    }

    private (int Code, JsonNode? Data) Describe(string id, DateTimeOffset now)
    {
        if (!_queries.TryEnter())
        {
            Interlocked.Increment(ref _queriesRefused);
            return (429, null);
        }

        if (!_tasks.TryGetValue(id, out ServedTask? task))
        {
            return (422, null);
        }

        bool isMade = now >= task.EndsAt;
        if (task.KnownAt is null)
        {
            task.Queries++;
            task.KnownAt = isMade ? now : null;
        }

        var record = new JsonObject
        {
            ["taskId"] = id,
            ["state"] = isMade ? "success" : "generating",
            ["createTime"] = task.CreatedAt.ToUnixTimeMilliseconds(),
            ["resultJson"] = isMade ? JsonSerializer.Serialize(new { resultUrls = new[] { $"{Address.AbsoluteUri}videos/{id}.mp4" } }) : string.Empty,
        };
        if (isMade)
        {
            record["completeTime"] = task.EndsAt.ToUnixTimeMilliseconds();
            record["creditsConsumed"] = 42.0;
        }

        return (200, record);
    }

    /// <summary>Lets no more than a number of requests in within any span of time.</summary>
    private sealed class SlidingWindow(int limit, TimeSpan window)
    {
        private readonly Queue<long> _arrivals = new();

        public bool TryEnter()
        {
            lock (_arrivals)
            {
                long now = TimeProvider.System.GetTimestamp();
                while (_arrivals.TryPeek(out long oldest) && TimeProvider.System.GetElapsedTime(oldest, now) >= window)
                {
                    _arrivals.Dequeue();
                }

                if (_arrivals.Count >= limit)
                {
                    return false;
                }

                _arrivals.Enqueue(now);
                return true;
            }
        }
    }
}
