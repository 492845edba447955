using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Sandbox;
using KlingPS.Sandbox;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class SandboxCallbackTests : IAsyncDisposable
{
    private readonly PauseClock _clock = new();
    private readonly SandboxHarness _sandbox;
    private readonly HttpListener _hook = new();
    private readonly ConcurrentQueue<int> _answers = new();
    private readonly Channel<(string Body, string? Timestamp, string? Signature)> _calls = Channel.CreateUnbounded<(string, string?, string?)>();
    private readonly Uri _uri;

    public SandboxCallbackTests()
    {
        _sandbox = new SandboxHarness(_ => new SandboxOptions { TimeProvider = _clock, CallbackKey = CallbackTexts.Secret });
        using var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        _uri = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/hook/");
        probe.Stop();
        _hook.Prefixes.Add(_uri.AbsoluteUri);
        _hook.Start();
        _ = ServeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _hook.Close();
        await _sandbox.DisposeAsync();
    }

    private async Task ServeAsync()
    {
        while (_hook.IsListening)
        {
            HttpListenerContext context = await _hook.GetContextAsync();
            using var reader = new StreamReader(context.Request.InputStream);
            string body = await reader.ReadToEndAsync();
            context.Response.StatusCode = _answers.TryDequeue(out int status) ? status : 200;
            context.Response.Close();
            _calls.Writer.TryWrite((body, context.Request.Headers["X-Webhook-Timestamp"], context.Request.Headers["X-Webhook-Signature"]));
        }
    }

    private async Task<string> CreateAsync(string prompt = "a fox")
    {
        var body = JsonNode.Parse(SandboxHarness.Body(prompt))!.AsObject();
        body["callBackUrl"] = _uri.AbsoluteUri;
        JsonElement answer = await _sandbox.CreateAsync(body.ToJsonString());
        return answer.GetProperty("data").GetProperty("taskId").GetString()!;
    }

    private async Task<(string Body, string? Timestamp, string? Signature)> NextAsync() => await _calls.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

    private async Task UntilAsync(Func<SandboxBill, bool> condition)
    {
        while (!condition(_sandbox.Server.GetBill()))
        {
            await Task.Yield();
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_end_of_a_task_is_signed_and_says_what_its_record_says(bool isOld)
    {
        if (isOld)
        {
            _sandbox.Server.AddFault(new SandboxFault { On = SandboxOperation.Callback, Kind = SandboxFaultKind.OldCallback });
        }

        string taskId = await CreateAsync();
        _clock.Advance(TimeSpan.FromSeconds(3));

        (string body, string? timestamp, string? signature) = await NextAsync();

        var verifier = new CallbackVerifier(CallbackTexts.Key, CallbackVerifier.DefaultMaxAge, _clock);
        CallbackReport report = verifier.Check(CallbackTexts.Bytes(body), timestamp, signature);
        Assert.Equal((true, taskId, "success"), (report.IsGenuine, report.TaskId, report.State));
        JsonElement callback = JsonElement.Parse(body);
        var told = SnapshotReader.Read(callback.GetProperty("data"), taskId);
        var recorded = SnapshotReader.Read((await _sandbox.QueryAsync(taskId)).GetProperty("data"), taskId);
        Assert.Equal(recorded with { ResultUris = told.ResultUris }, told);
        Assert.Equal(recorded.ResultUris, told.ResultUris);
        Assert.Equal(_uri.AbsoluteUri, told.Request!.CallbackUri);
        Assert.Equal(200, callback.GetProperty("code").GetInt32());
        Assert.Equal(isOld, callback.GetProperty("data").TryGetProperty("remainedCredits", out _));
    }

    [Fact]
    public async Task A_failure_is_told_with_code_501()
    {
        _sandbox.Server.AddFault(new SandboxFault { On = SandboxOperation.Generate, Kind = SandboxFaultKind.FailTask, FailCode = "400", FailMessage = "No." });
        string taskId = await CreateAsync();
        _clock.Advance(TimeSpan.FromSeconds(3));

        JsonElement callback = JsonElement.Parse((await NextAsync()).Body);

        Assert.Equal(501, callback.GetProperty("code").GetInt32());
        var told = SnapshotReader.Read(callback.GetProperty("data"), taskId);
        Assert.Equal((KlingTaskState.Failed, "400", "No.", 0m), (told.State, told.FailCode, told.FailMessage, told.CreditsConsumed));
    }

    [Fact]
    public async Task A_callback_that_is_not_taken_is_tried_three_more_times_with_fresh_signatures()
    {
        new List<int> { 500, 404, 302, 401 }.ForEach(_answers.Enqueue);
        await CreateAsync();
        _clock.Advance(TimeSpan.FromSeconds(3));
        var timestamps = new List<string?>();
        for (int tries = 1; tries <= 4; tries++)
        {
            timestamps.Add((await NextAsync()).Timestamp);
            await _clock.PauseAsync();
            Assert.Equal(tries, _sandbox.Server.GetBill().CallbacksRefused);
            _clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.Equal(4, timestamps.Distinct().Count());
        Assert.False(_calls.Reader.TryRead(out _));
        Assert.Equal((0, 4, 0), (_sandbox.Server.GetBill().CallbacksDelivered, _sandbox.Server.GetBill().CallbacksRefused, _sandbox.Server.GetBill().Tasks[0].Callbacks));
    }

    [Fact]
    public async Task Callbacks_are_lost_and_doubled_on_demand()
    {
        _sandbox.Server.AddFault(new SandboxFault { On = SandboxOperation.Callback, Kind = SandboxFaultKind.LoseCallback, Match = "lost" });
        _sandbox.Server.AddFault(new SandboxFault { On = SandboxOperation.Callback, Kind = SandboxFaultKind.DuplicateCallback, Match = "twice" });
        await CreateAsync("lost");
        string twice = await CreateAsync("twice");
        _clock.Advance(TimeSpan.FromSeconds(3));

        (string, string?, string?) first = await NextAsync();
        Assert.Equal(first, await NextAsync());
        Assert.Contains(twice, first.Item1, StringComparison.Ordinal);
        await UntilAsync(bill => bill.CallbacksDelivered == 2);
        Assert.Equal([0, 2], _sandbox.Server.GetBill().Tasks.Select(task => task.Callbacks));
        Assert.Empty(_sandbox.Server.Faults);
    }

    [Theory]
    [InlineData(SandboxOperation.Query, SandboxFaultKind.LoseCallback)]
    [InlineData(SandboxOperation.Callback, SandboxFaultKind.Code)]
    [InlineData(SandboxOperation.Callback, SandboxFaultKind.LoseAnswerAfter)]
    public void What_cannot_happen_to_a_callback_is_refused(SandboxOperation on, SandboxFaultKind kind)
        => Assert.Throws<ArgumentException>(() => _sandbox.Server.AddFault(new SandboxFault { On = on, Kind = kind }));

    /// <summary>A clock that tells when the pause of 5 seconds between two tries has begun.</summary>
    private sealed class PauseClock() : FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1_790_000_000))
    {
        private readonly Channel<TimeSpan> _pauses = Channel.CreateUnbounded<TimeSpan>();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = base.CreateTimer(callback, state, dueTime, period);
            if (dueTime == TimeSpan.FromSeconds(5))
            {
                _pauses.Writer.TryWrite(dueTime);
            }

            return timer;
        }

        public Task<TimeSpan> PauseAsync() => _pauses.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
    }
}
