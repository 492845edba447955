using CsCheck;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class CallbackModelTests
{
    private enum Delivery
    {
        Once,
        Twice,

        /// <summary>It comes before the service's own record of the task says that it has ended.</summary>
        AheadOfRecord,
        Lost,
    }

    [Fact]
    public Task Whatever_becomes_of_callbacks_each_task_comes_out_once_and_a_lost_one_is_polled_only_if_asked_for()
        => Gen.Select(Gen.Select(Gen.Int[1, 200], Gen.Int[0, 220], Gen.Enum<Delivery>()).Array[1, 5], Gen.Bool).SampleAsync(
            async (tasks, isPolling) =>
            {
                await using var world = new World(isPolling);
                for (int second = 0; second <= 220; second++)
                {
                    for (int i = 0; i < tasks.Length; i++)
                    {
                        (int end, int postedAt, Delivery delivery) = tasks[i];
                        if (second == 0)
                        {
                            await world.CreateAsync(i, end);
                        }

                        if (second == postedAt)
                        {
                            await world.PostAsync(i);
                        }

                        if (delivery switch { Delivery.Lost => false, Delivery.AheadOfRecord => second == Math.Max(0, end - 7), _ => second == end })
                        {
                            world.Call(i, times: delivery == Delivery.Twice ? 2 : 1);
                        }
                    }

                    await world.PassAsync(TimeSpan.FromSeconds(1));
                }

                Dictionary<string, Outcome<TaskReference, KlingVideoTask>> outcomes = await world.FinishAsync(called: tasks.Count(task => task.Item3 != Delivery.Lost));

                Assert.Equal(tasks.Length, outcomes.Count);
                for (int i = 0; i < tasks.Length; i++)
                {
                    bool isLost = tasks[i].Item3 == Delivery.Lost && !isPolling;
                    Outcome<TaskReference, KlingVideoTask> outcome = outcomes[$"task{i}"];
                    Assert.Equal(isLost ? ErrorKind.WaitTimeout : null, outcome.Error?.Kind);
                    Assert.Equal(isLost ? null : KlingTaskState.Succeeded, outcome.Value?.TaskState);
                    Assert.InRange(world.QueriesOf(i), isLost ? 0 : 1, isLost ? 0 : 20);
                }
            },
            iter: 40,
            threads: 1);

    private sealed class World : IAsyncDisposable
    {
        private readonly PipelineHarness _harness = new();
        private readonly CallbackGate _gate;
        private readonly CallbackReceiver _receiver;
        private readonly List<KlingVideoTask> _tasks = [];

        public World(bool isPolling)
        {
            _gate = new CallbackGate("/kling/", new CallbackVerifier(CallbackTexts.Key, CallbackVerifier.DefaultMaxAge, _harness.Clock), _harness.Clock);
            var options = new ReceiveOptions { IsPolling = isPolling, Timeout = TimeSpan.FromHours(1) };
            _receiver = CallbackReceiver.Start(_harness.NewService(), _gate, new MemoryStream(), options);
        }

        public async Task CreateAsync(int number, int seconds)
        {
            string taskId = $"task{number}";
            KlingVideoTask task = await _harness.AcceptedAsync(taskId);
            DateTimeOffset end = _harness.Clock.GetUtcNow().AddSeconds(seconds);
            _harness.Tasks[taskId] = (request, cancellationToken)
                => (_harness.Clock.GetUtcNow() < end ? PipelineHarness.Generating : PipelineHarness.Succeeded(taskId))(request, cancellationToken);
            _tasks.Add(task);
        }

        public Task PostAsync(int number) => _receiver.PostAsync(new TaskReference { Task = _tasks[number] }, CancellationToken.None);

        public void Call(int number, int times)
        {
            string taskId = _tasks[number].TaskId!;
            for (int time = 0; time < times; time++)
            {
                CallbackResult result = _gate.Admit(CallbackTexts.Head(taskId, _harness.Clock.GetUtcNow(), "/kling/"), CallbackTexts.Bytes(CallbackTexts.Body(taskId)));
                Assert.Equal(time == 0 ? CallbackResult.Accepted : CallbackResult.Replayed, result);
            }
        }

        public Task PassAsync(TimeSpan time) => _harness.Clock.PassAsync(time);

        /// <summary>Waits until all tasks have come out.</summary>
        /// <param name="called">How many come out because of their callbacks, and so before anything is given up after an hour.</param>
        public async Task<Dictionary<string, Outcome<TaskReference, KlingVideoTask>>> FinishAsync(int called)
        {
            var outcomes = new Dictionary<string, Outcome<TaskReference, KlingVideoTask>>();
            while (outcomes.Count < called && await NextAsync(longestWait: TimeSpan.FromMinutes(1)))
            {
            }

            _receiver.Complete();
            while (await NextAsync(longestWait: null))
            {
            }

            return outcomes;

            async Task<bool> NextAsync(TimeSpan? longestWait)
            {
                Task<bool> next = _receiver.Results.WaitToReadAsync().AsTask();
                await _harness.Clock.RunAsync(next, longestWait: longestWait);
                if (!await next)
                {
                    return false;
                }

                Outcome<TaskReference, KlingVideoTask> outcome = await _receiver.Results.ReadAsync();
                outcomes.Add((outcome.Value ?? outcome.Item.Task)!.TaskId!, outcome);
                return true;
            }
        }

        public int QueriesOf(int number)
            => _harness.Service.To(FakeService.QueryPath).Count(request => request.Uri.Query == $"?taskId=task{number}");

        public ValueTask DisposeAsync()
        {
            _receiver.Dispose();
            return _harness.DisposeAsync();
        }
    }
}
