using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;
using KlingPS.Torture;

namespace KlingPS.Bench;

/// <summary>Callbacks: a listener under attack, callbacks that are lost or duplicated, and unknown tasks that only a callback can resolve.</summary>
internal static class CallbackMode
{
    private const string Secret = "a-key-for-the-bench";

    private static readonly TimeSpan s_goodEnough = TimeSpan.FromSeconds(1);

    public static async Task<int> RunAsync(int requests, int connections, int slow, TextWriter output)
    {
        CallbackFloodReport flood = await CallbackFlood.RunAsync(requests, connections, slow);
        await output.WriteLineAsync($"flood: {flood}");
        foreach ((string what, int count) in flood.WrongResponses)
        {
            await output.WriteLineAsync($"  {what}: {count}");
        }

        bool isDelivered = await DeliverAsync(tasks: 100, output);
        bool isSettled = await SettleAsync(attempts: 20, output);
        return flood is { BadAccepted: 0, WrongResponses.Count: 0 } && flood.WorstGood < s_goodEnough && isDelivered && isSettled ? 0 : 1;
    }

    private static async Task<bool> DeliverAsync(int tasks, TextWriter output)
    {
        await using var rig = new Rig(TimeSpan.FromSeconds(5));
        rig.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Callback, FaultKind = SandboxFaultKind.LoseCallback, Count = 0, Probability = 0.5 });
        rig.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Callback, FaultKind = SandboxFaultKind.DuplicateCallback, Count = 0, Probability = 0.2 });
        using var receiver = CallbackReceiver.Start(rig.Service, rig.Listener, new ReceiveOptions());
        long start = Stopwatch.GetTimestamp();
        (_, List<Outcome<TaskReference, KlingVideoTask>> outcomes) = await TaskPair.BothAsync(
            SubmitAsync(rig, tasks, async task => await receiver.PostAsync(new TaskReference { Task = task }, default), receiver.Complete),
            CollectAsync(receiver));

        SandboxBill bill = rig.Server.GetBill();
        SandboxTask[] called = [.. bill.Tasks.Where(task => task.Callbacks > 0)];
        int once = outcomes.Where(outcome => outcome.Value?.TaskState == KlingTaskState.Succeeded).GroupBy(outcome => outcome.Value!.TaskId).Count(group => group.Count() == 1);
        int polled = called.Count(task => task.Queries > 1);
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"delivery: {bill.CreatesAccepted} tasks, {called.Length} called back for ({rig.Listener.Counts[CallbackResult.Replayed]} of them twice), {bill.CreatesAccepted - called.Length} callbacks lost: {once} emitted once, {outcomes.Count - once} otherwise, {tasks - once} missed; {polled} of those called back for were asked for more than once, the others {bill.Tasks.Where(task => task.Callbacks == 0).Average(task => task.Queries):0.0} times; {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s"));
        return once == tasks && outcomes.Count == tasks && polled == 0;
    }

    private static async Task<bool> SettleAsync(int attempts, TextWriter output)
    {
        await using var rig = new Rig(TimeSpan.FromSeconds(3));
        rig.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Create, FaultKind = SandboxFaultKind.LoseAnswerAfter, Count = 0 });
        using var receiver = CallbackReceiver.Start(rig.Service, rig.Listener, new ReceiveOptions { TakesAll = true, Count = attempts });
        (int lost, _) = await TaskPair.BothAsync(
            SubmitAsync(rig, attempts, _ => Task.CompletedTask, () => { }),
            CollectAsync(receiver));

        IReadOnlyList<KlingVideoTask> recorded = await rig.Session.Ledger.Tasks.ListAsync(new TaskFilter(), default);
        SandboxBill bill = rig.Server.GetBill();
        int settled = recorded.Count(task => bill.Tasks.Any(made => made.TaskId == task.TaskId && made.Prompt == task.Prompt));
        await output.WriteLineAsync($"settling: {attempts} creates, {lost} responses lost: {settled} settled to their own task ids, {recorded.Count(task => task.TaskState == KlingTaskState.Unknown)} still unknown, {bill.CreatesAccepted - attempts} bought again");
        return settled == attempts && bill.CreatesAccepted == attempts && recorded.Count == attempts;
    }

    /// <summary>Submits videos one after the other; returns how many responses were lost.</summary>
    private static async Task<int> SubmitAsync(Rig rig, int count, Func<KlingVideoTask, Task> accept, Action complete)
    {
        var submitter = new VideoSubmitter(rig.Service);
        int lost = 0;
        for (int i = 0; i < count; i++)
        {
            Outcome<Submission, KlingVideoTask> outcome = await submitter.SubmitAsync(
                new Submission
                {
                    Spec = new VideoSpec
                    {
                        Prompt = $"shot {i}",
                        Image = MediaSource.FromUri("https://images.example/fox.png"),
                        CallbackUri = rig.Listener.Prefix.ToString(),
                    },
                },
                default);
            lost += outcome.Error?.Kind == ErrorKind.AttemptUnknown ? 1 : 0;
            if (outcome.Value is KlingVideoTask task)
            {
                await accept(task);
            }
        }

        complete();
        return lost;
    }

    private static async Task<List<Outcome<TaskReference, KlingVideoTask>>> CollectAsync(CallbackReceiver receiver)
    {
        var outcomes = new List<Outcome<TaskReference, KlingVideoTask>>();
        await foreach (Outcome<TaskReference, KlingVideoTask> outcome in receiver.Results.ReadAllAsync())
        {
            outcomes.Add(outcome);
        }

        return outcomes;
    }

    private static class TaskPair
    {
        public static async Task<(TFirst First, TSecond Second)> BothAsync<TFirst, TSecond>(Task<TFirst> first, Task<TSecond> second)
        {
            await Task.WhenAll(first, second);
            return (await first, await second);
        }
    }

    /// <summary>A sandbox that signs, a listener that verifies, and an account with a ledger of its own.</summary>
    private sealed class Rig : IAsyncDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-callbacks-");
        private readonly SqlLedger _ledger;

        public Rig(TimeSpan generationTime)
        {
            Server = SandboxServer.Start(new SandboxOptions { GenerationTime = generationTime, CallbackKey = Secret });
            var secret = new SecureString();
            foreach (char c in Secret)
            {
                secret.AppendChar(c);
            }

            Listener = CallbackListener.Start(new CallbackListenerOptions { Prefix = CallbackPrefix.Parse("http://127.0.0.1:0/kling/"), Key = CallbackKey.From(secret) });
            _ledger = SqliteLedger.Create(Path.Combine(_folder.FullName, "ledger.db"), TimeProvider.System);
            var direct = new WebProxy();
            var endpoints = new KlingEndpoints(Server.Endpoint, Server.UploadEndpoint);
            Session = new KlingSession(new SessionOptions
            {
                Endpoints = endpoints,
                Key = ApiKey.From(Server.ApiKey),
                KeySource = "the bench",
                IsSandbox = true,
                ApiHandler = ApiHandler.Create(direct),
                DownloadHandler = VideoDownloader.CreateHandler(endpoints.Addresses, direct),
                Ledger = _ledger,
            });
        }

        public SandboxServer Server { get; }

        public CallbackListener Listener { get; }

        public KlingSession Session { get; }

        public KlingService Service => new(Session, observer: null);

        public async ValueTask DisposeAsync()
        {
            Listener.Dispose();
            await Session.DisposeAsync();
            await _ledger.DisposeAsync();
            await Server.DisposeAsync();
            _folder.Delete(recursive: true);
        }
    }
}
