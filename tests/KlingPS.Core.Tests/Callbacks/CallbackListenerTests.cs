using System.Net;
using System.Net.Sockets;
using System.Text;
using KlingPS.Core.Callbacks;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class CallbackListenerTests : IDisposable
{
    private readonly ManualClock _clock = new(DateTimeOffset.FromUnixTimeSeconds(1_790_000_000));
    private readonly List<CallbackListener> _listeners = [];

    public void Dispose() => _listeners.ForEach(listener => listener.Dispose());

    private CallbackListener Listen(bool isVerifying = true, int maxConnections = 128, string prefix = "http://127.0.0.1:0/kling/", Action<EndPoint?, CallbackResult>? onFirstRefused = null)
    {
        var listener = CallbackListener.Start(new CallbackListenerOptions
        {
            Prefix = CallbackPrefix.Parse(prefix),
            Key = isVerifying ? CallbackTexts.Key : null,
            MaxConnections = maxConnections,
            OnFirstRefused = onFirstRefused,
            TimeProvider = _clock,
        });
        _listeners.Add(listener);
        return listener;
    }

    private static async Task<Socket> ConnectAsync(CallbackListener listener)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, listener.Prefix.Port);
        return socket;
    }

    private static async Task<string> ReadAnswerAsync(Socket socket)
    {
        var answer = new StringBuilder();
        byte[] buffer = new byte[1024];
        while (await Eventually.DoneAsync(socket.ReceiveAsync(buffer), "the response") is > 0 and int count)
        {
            answer.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }

        return answer.ToString();
    }

    /// <summary>Sends a request as it stands and returns the status of the answer.</summary>
    private static async Task<int> SendAsync(CallbackListener listener, string request)
    {
        using Socket socket = await ConnectAsync(listener);
        await socket.SendAsync(Encoding.Latin1.GetBytes(request));
        socket.Shutdown(SocketShutdown.Send);
        string answer = await ReadAnswerAsync(socket);
        return int.Parse(answer.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private string Signed(string taskId, string? body = null, string target = "/kling/", TimeSpan age = default, string? signedFor = null, string method = "POST")
    {
        body ??= CallbackTexts.Body(taskId);
        string timestamp = CallbackTexts.Seconds(_clock.GetUtcNow() - age);
        return $"{method} {target} HTTP/1.1\r\nHost: hooks.example\r\nX-Webhook-Timestamp: {timestamp}\r\nX-Webhook-Signature: {CallbackTexts.Signature(signedFor ?? taskId, timestamp)}\r\nContent-Length: {body.Length}\r\n\r\n{body}";
    }

    [Fact]
    public async Task A_genuine_callback_is_taken_with_the_number_in_its_address()
    {
        CallbackListener listener = Listen();

        Assert.Equal(200, await SendAsync(listener, Signed("t1", target: "/kling/?a=1&klingps=00112233445566778899aabbccddeeff")));

        Assert.True(listener.Gate.Accepted.TryRead(out CallbackNotice? notice));
        Assert.Equal(("t1", "00112233445566778899aabbccddeeff", true), (notice!.TaskId, notice.Nonce, notice.IsSigned));
        Assert.Equal("1 accepted, 0 refused", listener.Counts.ToString());
    }

    [Fact]
    public async Task Every_other_request_is_refused_with_its_status_and_counted()
    {
        CallbackListener listener = Listen();
        Assert.Equal(200, await SendAsync(listener, Signed("t1")));
        string length = $"{CallbackGate.MaxBody + 1}";
        (int Status, CallbackResult Result, string Request)[] requests =
        [
            (401, CallbackResult.Forged, Signed("t2", signedFor: "t3")),
            (401, CallbackResult.Forged, $"POST /kling/ HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}"),
            (401, CallbackResult.Stale, Signed("t2", age: TimeSpan.FromSeconds(301))),
            (401, CallbackResult.Stale, Signed("t2", age: TimeSpan.FromSeconds(-301))),
            (409, CallbackResult.Replayed, Signed("t1")),
            (409, CallbackResult.Replayed, Signed("t1", body: CallbackTexts.Body("t1", "fail"))),
            (413, CallbackResult.TooLarge, $"POST /kling/ HTTP/1.1\r\nContent-Length: {length}\r\n\r\n"),
            (413, CallbackResult.TooLarge, $"POST /kling/ HTTP/1.1\r\nX: {new string('x', 20_000)}\r\n\r\n"),
            (413, CallbackResult.TooLarge, Signed("t2").Replace("Content-Length: " + CallbackTexts.Body("t2").Length, "Transfer-Encoding: chunked", StringComparison.Ordinal).Split("\r\n\r\n")[0]
                + "\r\n\r\n80000\r\n" + new string('x', 0x80000) + "\r\n80001\r\n" + new string('x', 0x80001)),
            (404, CallbackResult.WrongPath, Signed("t2", target: "/")),
            (404, CallbackResult.WrongPath, Signed("t2", target: "/klingon")),
            (404, CallbackResult.WrongPath, Signed("t2", target: "/Kling/")),
            (405, CallbackResult.WrongMethod, Signed("t2", method: "GET")),
            (405, CallbackResult.WrongMethod, Signed("t2", method: "PUT")),
            (400, CallbackResult.Malformed, Signed("t2", body: "<xml/>")),
            (400, CallbackResult.Malformed, Signed("t2", body: "{}")),
            (400, CallbackResult.Malformed, "GARBAGE\r\n\r\n"),
            (400, CallbackResult.Malformed, "POST /kling/ HTTP/2.0\r\n\r\n"),
            (400, CallbackResult.Malformed, "POST /kling/ HTTP/1.1\nHost: x\n\n"),
            (400, CallbackResult.Malformed, "POST /kling/ HTTP/1.1\r\nNo colon\r\n\r\n"),
            (400, CallbackResult.Malformed, "POST /kling/ HTTP/1.1\r\nHost : x\r\n\r\n"),
            (400, CallbackResult.Malformed, "POST /kling/ HTTP/1.1\r\n folded: x\r\n\r\n"),
            (400, CallbackResult.Malformed, "POST /kling/ HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
            (400, CallbackResult.Malformed, "POST /kling/ HTTP/1.1\r\nContent-Length: +5\r\n\r\n"),
            (400, CallbackResult.Malformed, "POST /kling/ HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (400, CallbackResult.Malformed, "POST /kling/ HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"),
            (400, CallbackResult.Malformed, "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001"),
            (400, CallbackResult.Malformed, Signed("t2")[..^5]),
        ];

        foreach ((int status, CallbackResult result, string request) in requests)
        {
            long before = listener.Counts[result];
            Assert.Equal((status, request[..Math.Min(200, request.Length)]), (await SendAsync(listener, request), request[..Math.Min(200, request.Length)]));
            Assert.Equal(before + 1, listener.Counts[result]);
        }

        Assert.Equal((1, requests.Length), (listener.Counts.Accepted, listener.Counts.Refused));
    }

    [Theory]
    [InlineData("/kling")]
    [InlineData("/kling?a=1")]
    [InlineData("/kling/more/of/it")]
    [InlineData("http://hooks.example:8080/kling/?a=1")]
    public async Task The_path_may_end_without_a_slash_go_on_or_be_a_whole_address(string target)
        => Assert.Equal(200, await SendAsync(Listen(), Signed("t1", target: target)));

    [Fact]
    public async Task A_body_may_come_in_chunks_and_after_a_word_of_encouragement()
    {
        CallbackListener listener = Listen();
        string body = CallbackTexts.Body("t1");
        string head = Signed("t1").Split("\r\n\r\n")[0].Replace($"Content-Length: {body.Length}", "Transfer-Encoding: chunked\r\nExpect: 100-continue", StringComparison.Ordinal);
        using Socket socket = await ConnectAsync(listener);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"{head}\r\n\r\n"));
        byte[] word = new byte[25];
        await new NetworkStream(socket).ReadExactlyAsync(word);
        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", Encoding.ASCII.GetString(word));

        await socket.SendAsync(Encoding.ASCII.GetBytes($"5;x=y\r\n{body[..5]}\r\n{body.Length - 5:X}\r\n{body[5..]}\r\n0\r\n\r\n"));

        Assert.StartsWith("HTTP/1.1 200 ", await ReadAnswerAsync(socket), StringComparison.Ordinal);
        Assert.True(listener.Gate.Accepted.TryRead(out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("POST /kl")]
    [InlineData("POST /kling/ HTTP/1.1\r\nX-Webhook-Tim")]
    public async Task A_client_that_takes_its_time_is_cut_after_ten_seconds_and_keeps_nobody_else_waiting(string beginning)
    {
        CallbackListener listener = Listen();
        var slow = new List<Socket>();
        for (int i = 0; i < 20; i++)
        {
            slow.Add(await ConnectAsync(listener));
            await slow[^1].SendAsync(Encoding.ASCII.GetBytes(beginning));
        }

        Assert.Equal(200, await SendAsync(listener, Signed("t1")));

        for (int i = 0; i < slow.Count + 1; i++)
        {
            await _clock.WaitedForAsync(TimeSpan.FromSeconds(10));
        }

        _clock.Advance(TimeSpan.FromSeconds(10));
        foreach (Socket socket in slow)
        {
            Assert.StartsWith("HTTP/1.1 408 ", await ReadAnswerAsync(socket), StringComparison.Ordinal);
            socket.Dispose();
        }

        Assert.Equal(20, listener.Counts[CallbackResult.TooSlow]);
    }

    [Fact]
    public async Task For_one_connection_too_many_the_oldest_makes_room()
    {
        CallbackListener listener = Listen(maxConnections: 4);
        using Socket oldest = await ConnectAsync(listener);
        var others = new List<Socket>();
        for (int i = 0; i < 3; i++)
        {
            others.Add(await ConnectAsync(listener));
        }

        Assert.Equal(200, await SendAsync(listener, Signed("t1")));

        try
        {
            Assert.Empty(await ReadAnswerAsync(oldest));
        }
        catch (SocketException)
        {
            // It was reset, which is the same.
        }

        others.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task Without_a_key_hints_are_taken_once_a_while()
    {
        CallbackListener listener = Listen(isVerifying: false);
        string request = $"POST /kling/ HTTP/1.1\r\nContent-Length: {CallbackTexts.Body("t1").Length}\r\n\r\n{CallbackTexts.Body("t1")}";

        Assert.Equal(200, await SendAsync(listener, request));
        Assert.Equal(409, await SendAsync(listener, request));
        Assert.Equal(409, await SendAsync(listener, request.Replace("success", "failure", StringComparison.Ordinal)));
        _clock.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(200, await SendAsync(listener, request));

        Assert.True(listener.Gate.Accepted.TryRead(out CallbackNotice? notice));
        Assert.False(notice!.IsSigned);
    }

    [Fact]
    public async Task A_task_that_has_not_ended_is_nothing_to_look_into()
    {
        CallbackListener listener = Listen();

        Assert.Equal(200, await SendAsync(listener, Signed("t1", body: CallbackTexts.Body("t1", "generating"))));

        Assert.False(listener.Gate.Accepted.TryRead(out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_end_of_a_task_is_taken_in_the_second_in_which_it_was_said_to_go_on(bool isVerifying)
    {
        CallbackListener listener = Listen(isVerifying);

        Assert.Equal(200, await SendAsync(listener, Signed("t1", body: CallbackTexts.Body("t1", "generating"))));
        Assert.Equal(409, await SendAsync(listener, Signed("t1", body: CallbackTexts.Body("t1", "waiting"))));
        Assert.Equal(200, await SendAsync(listener, Signed("t1")));
        Assert.Equal(409, await SendAsync(listener, Signed("t1")));

        Assert.True(listener.Gate.Accepted.TryRead(out CallbackNotice? notice));
        Assert.Equal("t1", notice!.TaskId);
        Assert.False(listener.Gate.Accepted.TryRead(out _));
    }

    [Fact]
    public async Task However_many_states_are_made_up_for_a_task_it_is_looked_into_once_a_while()
    {
        CallbackListener listener = Listen(isVerifying: false);

        int[] answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => SendAsync(listener, Signed("t1", body: CallbackTexts.Body("t1", $"state{i}")))));

        Assert.Single(answers, 200);
        Assert.Equal(19, listener.Counts[CallbackResult.Replayed]);
    }

    [Fact]
    public async Task The_first_refusal_of_each_kind_is_told()
    {
        var told = new List<CallbackResult>();
        CallbackListener listener = Listen(onFirstRefused: (_, result) => told.Add(result));

        await SendAsync(listener, "GET / HTTP/1.1\r\n\r\n");
        await SendAsync(listener, "GET / HTTP/1.1\r\n\r\n");
        await SendAsync(listener, "GET /kling/ HTTP/1.1\r\n\r\n");

        Assert.Equal([CallbackResult.WrongPath, CallbackResult.WrongMethod], told);
    }

    [Fact]
    public async Task A_port_can_be_listened_on_once_and_again_at_once_when_it_is_free()
    {
        CallbackListener first = Listen(prefix: $"http://127.0.0.1:{LoopbackPort.Reserve()}/kling/");
        await SendAsync(first, Signed("t1"));

        KlingException taken = Assert.Throws<KlingException>(() => Listen(prefix: first.Prefix.ToString()));
        first.Dispose();
        CallbackListener second = Listen(prefix: first.Prefix.ToString());

        Assert.Equal(ErrorKind.ListenerUnusable, taken.Kind);
        Assert.Contains($"{first.Prefix.Port}", taken.Message, StringComparison.Ordinal);
        Assert.Equal(200, await SendAsync(second, Signed("t1")));
    }

    [Fact]
    public async Task A_prefix_for_all_addresses_is_reached_at_each()
        => Assert.Equal(200, await SendAsync(Listen(prefix: "http://+:0/kling/"), Signed("t1")));

    [Fact]
    public void An_address_of_another_machine_cannot_be_listened_on()
        => Assert.Equal(ErrorKind.ListenerUnusable, Assert.Throws<KlingException>(() => Listen(prefix: "http://192.0.2.1:8080/")).Kind);
}
