using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security;
using System.Text;
using KlingPS.Core.Callbacks;

namespace KlingPS.Torture;

/// <summary>Every kind of bad request from many connections at once, with a good one among them every now and then.</summary>
internal static class CallbackFlood
{
    private const string Path = "/kling/";

    private static readonly TimeSpan s_betweenGood = TimeSpan.FromMilliseconds(250);
    private static readonly byte[] s_megabytes = new byte[CallbackGate.MaxBody + 1];

    private static readonly (CallbackResult Result, Func<Sender, byte[]> Make)[] s_kinds =
    [
        (CallbackResult.Forged, sender => Request(sender.NextId(), signedFor: "another")),
        (CallbackResult.Forged, _ => Encoding.ASCII.GetBytes($"POST {Path} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}")),
        (CallbackResult.Replayed, sender => sender.Replay),
        (CallbackResult.Stale, sender => Request(sender.NextId(), age: TimeSpan.FromMinutes(6))),
        (CallbackResult.TooLarge, sender => [.. Head(sender.NextId(), $"Content-Length: {s_megabytes.Length}"), .. s_megabytes]),
        (CallbackResult.TooLarge, sender => [.. Head(sender.NextId(), "Transfer-Encoding: chunked"), .. Encoding.ASCII.GetBytes($"{s_megabytes.Length - 1:x}\r\n"), .. s_megabytes.AsSpan(1), .. "\r\n1\r\nx\r\n0\r\n\r\n"u8]),
        (CallbackResult.Malformed, sender => Request(sender.NextId(), body: "<callback/>")),
        (CallbackResult.Malformed, _ => "\u0016\u0003\u0001 what is this\r\n\r\n"u8.ToArray()),
        (CallbackResult.WrongMethod, sender => Request(sender.NextId(), method: "PUT")),
        (CallbackResult.WrongPath, sender => Request(sender.NextId(), path: "/admin/")),
    ];

    private static CallbackKey Key { get; } = CallbackKey.From(Secret());

    /// <summary>Floods a listener.</summary>
    /// <param name="requests">Bad requests.</param>
    /// <param name="connections">Connections at the same time.</param>
    /// <param name="slow">How many of the requests arrive one byte a second; each takes as long as the listener allows.</param>
    public static async Task<CallbackFloodReport> RunAsync(int requests, int connections, int slow)
    {
        var options = new CallbackListenerOptions { Prefix = CallbackPrefix.Parse($"http://127.0.0.1:0{Path}"), Key = Key };

        // If no request is slow on purpose, none is to be taken for slow because the machine is busy.
        using var listener = CallbackListener.Start(slow > 0 ? options : options with { RequestTimeout = TimeSpan.FromMinutes(5) });
        var sender = new Sender(listener.Prefix.Port);
        await sender.SendGoodAsync(sender.Replay);
        await FloodAsync(sender, Math.Min(requests, 500), connections, slow: 0);
        long acceptedBefore = listener.Counts.Accepted;
        long heapBefore = GC.GetTotalMemory(forceFullCollection: true);
        sender.Reset();

        using var floodIsOver = new CancellationTokenSource();
        Task<List<double>> good = SendGoodOnesAsync(sender, floodIsOver.Token);
        long start = Stopwatch.GetTimestamp();
        await FloodAsync(sender, requests, connections, slow);
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        await floodIsOver.CancelAsync();
        List<double> latencies = await good;
        return new CallbackFloodReport
        {
            Requests = requests,
            Time = time,
            WrongResponses = sender.WrongResponses,
            Unanswered = sender.Unanswered,
            BadAccepted = listener.Counts.Accepted - acceptedBefore - latencies.Count,
            Good = latencies.Count,
            WorstGood = TimeSpan.FromMilliseconds(latencies.Max()),
            HeapBefore = heapBefore,
            HeapAfter = GC.GetTotalMemory(forceFullCollection: true),
            Counts = listener.Counts,
        };
    }

    private static async Task FloodAsync(Sender sender, int requests, int connections, int slow)
    {
        int next = 0;
        int every = slow == 0 ? int.MaxValue : requests / slow;
        await Task.WhenAll(Enumerable.Range(0, connections).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is int i && i <= requests)
            {
                (CallbackResult result, Func<Sender, byte[]> make) = s_kinds[i % s_kinds.Length];
                await (i % every == 0
                    ? sender.SendBadAsync(Head(sender.NextId(), "Content-Length: 100"), CallbackResult.TooSlow, TimeSpan.FromSeconds(1))
                    : sender.SendBadAsync(make(sender), result, betweenBytes: null));
            }
        }));
    }

    private static async Task<List<double>> SendGoodOnesAsync(Sender sender, CancellationToken over)
    {
        var latencies = new List<double>();
        do
        {
            byte[] request = Request(sender.NextId());
            long start = Stopwatch.GetTimestamp();
            await sender.SendGoodAsync(request);
            latencies.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            await Task.Delay(s_betweenGood, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        while (!over.IsCancellationRequested);
        return latencies;
    }

    private static byte[] Request(string taskId, string? body = null, string? signedFor = null, TimeSpan age = default, string method = "POST", string path = Path)
    {
        body ??= $$$"""{"code":200,"msg":"Playground task completed successfully.","data":{"taskId":"{{{taskId}}}","state":"success"}}""";
        return [.. Head(signedFor ?? taskId, $"Content-Length: {body.Length}", age, method, path), .. Encoding.ASCII.GetBytes(body)];
    }

    private static byte[] Head(string signedFor, string length, TimeSpan age = default, string method = "POST", string path = Path)
    {
        string timestamp = (DateTimeOffset.UtcNow - age).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        string signature = Convert.ToBase64String(Key.Sign(signedFor, timestamp));
        return Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\nHost: hooks.example\r\nX-Webhook-Timestamp: {timestamp}\r\nX-Webhook-Signature: {signature}\r\n{length}\r\n\r\n");
    }

    private static SecureString Secret()
    {
        var secret = new SecureString();
        foreach (char c in "a-key-for-the-flood")
        {
            secret.AppendChar(c);
        }

        return secret;
    }

    private sealed class Sender(int port)
    {
        private int _lastId;
        private int _unanswered;

        public byte[] Replay { get; } = Request("replayed");

        public ConcurrentDictionary<string, int> WrongResponses { get; } = new();

        public int Unanswered => Volatile.Read(ref _unanswered);

        public string NextId() => string.Create(CultureInfo.InvariantCulture, $"task{Interlocked.Increment(ref _lastId)}");

        public void Reset()
        {
            WrongResponses.Clear();
            _unanswered = 0;
        }

        public async Task SendGoodAsync(byte[] request)
        {
            if (await SendAsync(request, betweenBytes: null) is int status and not 200)
            {
                WrongResponses.AddOrUpdate($"good: {status}", 1, (_, count) => count + 1);
            }
        }

        public async Task SendBadAsync(byte[] request, CallbackResult expected, TimeSpan? betweenBytes)
        {
            int status = await SendAsync(request, betweenBytes);
            if (status == 0)
            {
                Interlocked.Increment(ref _unanswered);
            }
            else if (status != StatusOf(expected))
            {
                WrongResponses.AddOrUpdate($"{expected}: {status}", 1, (_, count) => count + 1);
            }
        }

        /// <summary>The status of the response; 0 when none came.</summary>
        private async Task<int> SendAsync(byte[] request, TimeSpan? betweenBytes)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            byte[] response = new byte[256];
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port);
                Task<int> received = socket.ReceiveAsync(response);
                if (betweenBytes is TimeSpan pause)
                {
                    for (int i = 0; i < request.Length && !received.IsCompleted; i++)
                    {
                        await socket.SendAsync(request.AsMemory(i, 1));
                        await Task.WhenAny(received, Task.Delay(pause));
                    }
                }
                else
                {
                    await socket.SendAsync(request);
                }

                int length = await received;
                return length > 12 ? int.Parse(Encoding.ASCII.GetString(response, 9, 3), CultureInfo.InvariantCulture) : 0;
            }
            catch (SocketException)
            {
                return response[0] == 0 ? 0 : int.Parse(Encoding.ASCII.GetString(response, 9, 3), CultureInfo.InvariantCulture);
            }
        }

        private static int StatusOf(CallbackResult result) => result switch
        {
            CallbackResult.Forged or CallbackResult.Stale => 401,
            CallbackResult.Replayed => 409,
            CallbackResult.TooLarge => 413,
            CallbackResult.TooSlow => 408,
            CallbackResult.WrongMethod => 405,
            CallbackResult.WrongPath => 404,
            _ => 400,
        };
    }
}
