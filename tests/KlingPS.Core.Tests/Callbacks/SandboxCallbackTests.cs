using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using KlingPS.Core.Api;
using KlingPS.Core.Api.Wire;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Sandbox;
using KlingPS.Sandbox;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class SandboxCallbackTests : IAsyncDisposable
{
    /// <summary>How long the sandbox takes for a video.</summary>
    private static readonly TimeSpan s_generation = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);

    private readonly ManualClock _clock = new(DateTimeOffset.FromUnixTimeSeconds(1_790_000_000));
    private readonly SandboxHarness _sandbox;
    private readonly HttpListener _hook = new();
    private readonly ConcurrentQueue<int> _answers = new();
    private readonly Channel<(string Body, string? Timestamp, string? Signature)> _calls = Channel.CreateUnbounded<(string, string?, string?)>();
    private readonly Uri _uri;

    public SandboxCallbackTests()
    {
        _sandbox = new SandboxHarness(_ => new SandboxOptions { TimeProvider = _clock, CallbackKey = CallbackTexts.Secret });
        _uri = new Uri($"http://127.0.0.1:{LoopbackPort.Reserve()}/hook/");
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

    /// <summary>Makes a task, and returns when its callback waits for the clock: one that is moved on before would put it off for good.</summary>
    private async Task<string> CreateAsync(string prompt = "a fox")
    {
        var body = JsonNode.Parse(SandboxHarness.Body(prompt))!.AsObject();
        body["callBackUrl"] = _uri.AbsoluteUri;
        JsonElement answer = await _sandbox.CreateAsync(body.ToJsonString());
        await _clock.WaitedForAsync(s_generation);
        return answer.GetProperty("data").GetProperty("taskId").GetString()!;
    }

    private Task<(string Body, string? Timestamp, string? Signature)> NextAsync() => Eventually.DoneAsync(_calls.Reader.ReadAsync().AsTask(), "a callback");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_end_of_a_task_is_signed_and_says_what_its_record_says(bool isOld)
    {
        if (isOld)
        {
            _sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Callback, FaultKind = SandboxFaultKind.OldCallback });
        }

        string taskId = await CreateAsync();
        _clock.Advance(s_generation);

        (string body, string? timestamp, string? signature) = await NextAsync();

        var verifier = new CallbackVerifier(CallbackTexts.Key, CallbackVerifier.DefaultMaxAge, _clock);
        CallbackReport report = verifier.Check(CallbackTexts.Bytes(body), timestamp, signature);
        Assert.Equal((true, taskId, "success"), (report.IsGenuine, report.TaskId, report.State));
        JsonElement callback = JsonElement.Parse(body);
        TaskSnapshot told = Read(callback.GetProperty("data"), taskId);
        TaskSnapshot recorded = Read((await _sandbox.QueryAsync(taskId)).GetProperty("data"), taskId);
        Assert.Equal(recorded with { ResultUris = told.ResultUris }, told);
        Assert.Equal(recorded.ResultUris, told.ResultUris);
        Assert.Equal(_uri.AbsoluteUri, told.Spec!.CallbackUri);
        Assert.Equal(200, callback.GetProperty("code").GetInt32());
        Assert.Equal(isOld, callback.GetProperty("data").TryGetProperty("remainedCredits", out _));
    }

    private TaskSnapshot Read(JsonElement data, string taskId)
        => new SnapshotReader(new KlingEndpoints(_sandbox.Server.Endpoint, _sandbox.Server.UploadEndpoint).Addresses, _clock).Read(data, taskId)!;

    [Fact]
    public async Task A_failure_is_told_with_code_501()
    {
        _sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Generate, FaultKind = SandboxFaultKind.FailTask, FailCode = "400", FailMessage = "No." });
        string taskId = await CreateAsync();
        _clock.Advance(s_generation);

        JsonElement callback = JsonElement.Parse((await NextAsync()).Body);

        Assert.Equal(501, callback.GetProperty("code").GetInt32());
        TaskSnapshot told = Read(callback.GetProperty("data"), taskId);
        Assert.Equal((KlingTaskState.Failed, "400", "No.", 0m), (told.State, told.FailCode, told.FailMessage, told.CreditsConsumed));
    }

    [Fact]
    public async Task A_callback_that_is_not_taken_is_tried_three_more_times_with_fresh_signatures()
    {
        new List<int> { 500, 404, 302, 401 }.ForEach(_answers.Enqueue);
        await CreateAsync();
        _clock.Advance(s_generation);
        var timestamps = new List<string?>();
        for (int tries = 1; tries <= 4; tries++)
        {
            timestamps.Add((await NextAsync()).Timestamp);
            await _clock.WaitedForAsync(s_pause);
            Assert.Equal(tries, _sandbox.Server.GetBill().CallbacksRefused);
            _clock.Advance(s_pause);
        }

        Assert.Equal(4, timestamps.Distinct().Count());
        Assert.False(_calls.Reader.TryRead(out _));
        Assert.Equal((0, 4, 0), (_sandbox.Server.GetBill().CallbacksDelivered, _sandbox.Server.GetBill().CallbacksRefused, _sandbox.Server.GetBill().Tasks[0].Callbacks));
    }

    [Fact]
    public async Task Callbacks_are_lost_and_doubled_on_demand()
    {
        _sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Callback, FaultKind = SandboxFaultKind.LoseCallback, Match = "lost" });
        _sandbox.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Callback, FaultKind = SandboxFaultKind.DuplicateCallback, Match = "twice" });
        await CreateAsync("lost");
        string twice = await CreateAsync("twice");
        _clock.Advance(s_generation);

        (string, string?, string?) first = await NextAsync();
        Assert.Equal(first, await NextAsync());
        Assert.Contains(twice, first.Item1, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => _sandbox.Server.GetBill().CallbacksDelivered == 2);
        Assert.Equal([0, 2], _sandbox.Server.GetBill().Tasks.Select(task => task.Callbacks));
        Assert.Empty(_sandbox.Server.Faults);
    }

    [Theory]
    [InlineData(SandboxOperation.Query, SandboxFaultKind.LoseCallback)]
    [InlineData(SandboxOperation.Callback, SandboxFaultKind.Code)]
    [InlineData(SandboxOperation.Callback, SandboxFaultKind.LoseAnswerAfter)]
    public void What_cannot_happen_to_a_callback_is_refused(SandboxOperation on, SandboxFaultKind kind)
        => Assert.Throws<ArgumentException>(() => _sandbox.Server.AddFault(new SandboxFault { Operation = on, FaultKind = kind }));
}
