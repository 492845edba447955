using System.Collections.Concurrent;
using System.Threading.Channels;
using CsCheck;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Tests.Stages;

public sealed class ConcurrentStageTests
{
    /// <summary>Work that ends when, and in the order in which, the test says so.</summary>
    private sealed class Workshop
    {
        private readonly Channel<int> _begun = Channel.CreateUnbounded<int>();
        private readonly ConcurrentDictionary<int, TaskCompletionSource<int>> _open = new();

        public int Count => _open.Count;

        public async Task<int> WorkAsync(int item, CancellationToken cancellationToken)
        {
            var end = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
            Assert.True(_open.TryAdd(item, end));
            await _begun.Writer.WriteAsync(item, CancellationToken.None);
            return await end.Task.WaitAsync(cancellationToken);
        }

        public Task<int> NextBegunAsync() => Eventually.DoneAsync(_begun.Reader.ReadAsync().AsTask(), "the next item to begin");

        public void End(int item, Exception? exception = null)
        {
            Assert.True(_open.TryRemove(item, out TaskCompletionSource<int>? end));
            if (exception is null)
            {
                end.SetResult(item);
            }
            else
            {
                end.SetException(exception);
            }
        }
    }

    [Fact]
    public async Task Every_item_comes_out_once_in_its_order_and_no_more_than_the_limit_are_under_way()
        => await Gen.Select(Gen.Int[0, 30], Gen.Int[1, 8], Gen.Bool, Gen.Int).SampleAsync(
            async (count, limit, inOrder, seed) =>
            {
                var random = new Random(seed);
                var workshop = new Workshop();
                using var stage = new ConcurrentStage<int, int>(workshop.WorkAsync, limit, inOrder);
                Task posting = Task.Run(async () =>
                {
                    for (int i = 0; i < count; i++)
                    {
                        await stage.PostAsync(i, CancellationToken.None);
                    }

                    stage.Complete();
                });

                var running = new List<int>();
                var ended = new List<int>();
                var results = new List<int>();
                while (ended.Count < count)
                {
                    while (running.Count < Math.Min(limit, count - ended.Count))
                    {
                        running.Add(await workshop.NextBegunAsync());
                    }

                    Assert.True(workshop.Count <= limit);
                    int item = running[random.Next(running.Count)];
                    running.Remove(item);
                    ended.Add(item);
                    workshop.End(item);
                    if (!inOrder)
                    {
                        results.Add(await stage.Results.ReadAsync());
                    }
                }

                await posting;
                await foreach (int result in stage.Results.ReadAllAsync())
                {
                    results.Add(result);
                }

                Assert.Equal(inOrder ? Enumerable.Range(0, count) : ended, results);
            },
            iter: 200,
            threads: 1);

    [Fact]
    public async Task A_result_comes_out_while_later_items_are_still_to_be_posted()
    {
        using var stage = new ConcurrentStage<int, int>((item, _) => Task.FromResult(item), 1, inOrder: true);

        await stage.PostAsync(1, CancellationToken.None);
        Assert.Equal(1, await stage.Results.ReadAsync());
        await stage.PostAsync(2, CancellationToken.None);
        Assert.Equal(2, await stage.Results.ReadAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_exception_of_the_work_reaches_the_reader(bool inOrder)
    {
        var workshop = new Workshop();
        using var stage = new ConcurrentStage<int, int>(workshop.WorkAsync, 2, inOrder);
        await stage.PostAsync(1, CancellationToken.None);
        await stage.PostAsync(2, CancellationToken.None);
        await workshop.NextBegunAsync();
        await workshop.NextBegunAsync();

        workshop.End(1);
        Assert.Equal(1, await stage.Results.ReadAsync());
        workshop.End(2, new InvalidTimeZoneException("A bug."));
        stage.Complete();

        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => stage.Results.Completion);
    }

    [Fact]
    public async Task Work_that_throws_at_once_frees_its_place()
    {
        int calls = 0;
        var again = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var stage = new ConcurrentStage<int, int>(Fail, 1, inOrder: false);

        await stage.PostAsync(1, CancellationToken.None);
        await stage.PostAsync(2, CancellationToken.None);
        stage.Complete();

        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => stage.Results.Completion);
        await Eventually.DoneAsync(again.Task);

        Task<int> Fail(int item, CancellationToken cancellationToken)
        {
            if (++calls == 2)
            {
                again.SetResult();
            }

            throw new InvalidTimeZoneException("A bug.");
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Disposing_stops_the_work_and_ends_the_results(bool inOrder)
    {
        var workshop = new Workshop();
        var stage = new ConcurrentStage<int, int>(workshop.WorkAsync, 2, inOrder);
        await stage.PostAsync(1, CancellationToken.None);
        await workshop.NextBegunAsync();

        stage.Dispose();
        stage.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stage.Results.Completion);
    }

    [Fact]
    public async Task Nothing_is_begun_any_more_once_the_stage_is_disposed_of()
    {
        var workshop = new Workshop();
        var stage = new ConcurrentStage<int, int>(workshop.WorkAsync, 1, inOrder: true);
        await stage.PostAsync(1, CancellationToken.None);
        await workshop.NextBegunAsync();
        Task waiting = stage.PostAsync(2, CancellationToken.None);

        stage.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(1, workshop.Count);
    }

    [Fact]
    public async Task What_ends_in_its_first_part_comes_in_the_order_of_the_items_and_holds_nothing_else_back()
    {
        TaskCompletionSource[] gates = [.. Enumerable.Range(0, 5).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];
        using var stage = new ConcurrentStage<int, int>(
            async (item, pass, _) =>
            {
                if (item % 2 == 0)
                {
                    pass();
                }

                await gates[item].Task;
                return item;
            },
            int.MaxValue);
        for (int item = 0; item < gates.Length; item++)
        {
            await stage.PostAsync(item, CancellationToken.None);
        }

        stage.Complete();

        // 0, 2 and 4 are past their first part: they come as they finish. 1 and 3 end in it, and 3 waits for 1.
        gates[3].SetResult();
        gates[4].SetResult();
        Assert.Equal(4, await Eventually.DoneAsync(stage.Results.ReadAsync().AsTask()));
        gates[1].SetResult();
        Assert.Equal(1, await Eventually.DoneAsync(stage.Results.ReadAsync().AsTask()));
        Assert.Equal(3, await Eventually.DoneAsync(stage.Results.ReadAsync().AsTask()));
        gates[2].SetResult();
        Assert.Equal(2, await Eventually.DoneAsync(stage.Results.ReadAsync().AsTask()));
        gates[0].SetResult();
        Assert.Equal(0, await Eventually.DoneAsync(stage.Results.ReadAsync().AsTask()));
        Assert.False(await Eventually.DoneAsync(stage.Results.WaitToReadAsync().AsTask()));
    }

    [Fact]
    public async Task No_more_items_begin_than_can_be_worked_on_and_those_past_their_first_part_make_room()
    {
        var begun = new List<Action>();
        using var stage = new ConcurrentStage<int, int>(
            async (item, pass, stop) =>
            {
                lock (begun)
                {
                    begun.Add(pass);
                }

                await Task.Delay(Timeout.Infinite, stop);
                return item;
            },
            int.MaxValue);
        int posted = 0;
        Task posting = Task.Run(async () =>
        {
            for (; posted < 1000; posted++)
            {
                await stage.PostAsync(posted, CancellationToken.None);
            }
        });

        await Eventually.TrueAsync(() => Count() == 64 && Volatile.Read(ref posted) == 64);
        Assert.False(posting.IsCompleted);
        Action[] first;
        lock (begun)
        {
            first = [.. begun];
        }

        // Each makes room for one, however often it says so.
        Array.ForEach(first, pass => pass());
        first[0]();
        await Eventually.TrueAsync(() => Count() == 128 && Volatile.Read(ref posted) == 128);
        Assert.False(posting.IsCompleted);

        int Count()
        {
            lock (begun)
            {
                return begun.Count;
            }
        }
    }

    [Fact]
    public async Task Any_number_of_items_may_wait_for_the_first_one()
    {
        const int Items = 50_000;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var stage = new ConcurrentStage<int, int>(
            async (item, _, _) =>
            {
                await (item == 0 ? gate.Task : Task.CompletedTask);
                return item;
            },
            int.MaxValue);
        for (int item = 0; item < Items; item++)
        {
            await stage.PostAsync(item, CancellationToken.None);
        }

        stage.Complete();
        gate.SetResult();

        for (int item = 0; item < Items; item++)
        {
            Assert.Equal(item, await Eventually.DoneAsync(stage.Results.ReadAsync().AsTask()));
        }
    }

    [Fact]
    public async Task Waiting_for_a_place_can_be_given_up()
    {
        var workshop = new Workshop();
        using var stage = new ConcurrentStage<int, int>(workshop.WorkAsync, 1, inOrder: true);
        using var cancel = new CancellationTokenSource();
        await stage.PostAsync(1, CancellationToken.None);
        await workshop.NextBegunAsync();
        Task waiting = stage.PostAsync(2, cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        workshop.End(1);
        Assert.Equal(1, await stage.Results.ReadAsync());
    }
}
