using CsCheck;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Waiting;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Waiting;

public sealed class PollQueueTests : IDisposable
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _clock = new();
    private readonly PollQueue<string> _queue;

    public PollQueueTests() => _queue = new(_clock);

    public void Dispose() => _queue.Dispose();

    private enum Act
    {
        Add,
        Schedule,
        Reschedule,
        SetDeadline,
        Signal,
        Remove,
        Advance,
    }

    private Task<string> TakeAsync() => _queue.TakeAsync(CancellationToken.None);

    /// <summary>A queue that, from two items on, sleeps until three are due, but at most three seconds longer than until the first. The items have been added and taken.</summary>
    private async Task<PollQueue<string>> NewBatchQueueAsync(params string[] items)
    {
        var queue = new PollQueue<string>(_clock, batchFrom: 2, batchWindow: 3 * s_second, batchSize: 3);
        foreach (string item in items)
        {
            queue.Add(item);
            await queue.TakeAsync(CancellationToken.None);
        }

        return queue;
    }

    [Fact]
    public async Task An_item_that_is_due_later_ends_the_sleep_then()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.Schedule("a", Instant.Now(_clock) + (3 * s_second));
        Task<string> taking = TakeAsync();

        _clock.Advance(2 * s_second);
        Assert.False(taking.IsCompleted);
        _clock.Advance(s_second);

        Assert.Equal("a", await Eventually.DoneAsync(taking));
    }

    [Fact]
    public async Task An_item_that_is_signalled_while_it_is_out_is_due_as_soon_as_it_is_back()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.Signal("a");
        Task<string> taking = TakeAsync();
        Assert.False(taking.IsCompleted);

        _queue.Schedule("a", Instant.Never);

        Assert.Equal("a", await Eventually.DoneAsync(taking));
    }

    [Fact]
    public async Task A_time_that_is_centuries_away_can_be_slept_for()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.Schedule("a", Instant.Never);
        Task<string> taking = TakeAsync();

        _clock.Advance(TimeSpan.FromDays(100));
        Assert.False(taking.IsCompleted);
        _queue.Reschedule("a", Instant.Now(_clock));

        Assert.Equal("a", await Eventually.DoneAsync(taking));
    }

    [Fact]
    public async Task From_some_number_on_items_that_are_due_within_the_window_cost_one_sleep()
    {
        using PollQueue<string> queue = await NewBatchQueueAsync("a", "b");
        queue.Schedule("a", Instant.Now(_clock) + s_second);
        queue.Schedule("b", Instant.Now(_clock) + (2 * s_second));
        Task<string> taking = queue.TakeAsync(CancellationToken.None);

        _clock.Advance(3 * s_second);
        Assert.True(queue.IsAsleep);
        _clock.Advance(s_second);

        Assert.Equal("a", await Eventually.DoneAsync(taking));
        Assert.Equal("b", await Eventually.DoneAsync(queue.TakeAsync(CancellationToken.None)));
    }

    [Fact]
    public async Task The_window_ends_when_enough_items_are_due()
    {
        using PollQueue<string> queue = await NewBatchQueueAsync("a", "b", "c", "d");
        queue.Schedule("a", Instant.Now(_clock) + s_second);
        queue.Schedule("b", Instant.Now(_clock) + (2 * s_second));

        // Moved: what it was scheduled for before does not count, and neither does the same time once more.
        queue.Reschedule("a", Instant.Now(_clock) + s_second);
        queue.Reschedule("b", Instant.Now(_clock) + (3.5 * s_second));
        Task<string> taking = queue.TakeAsync(CancellationToken.None);
        queue.Schedule("c", Instant.Now(_clock) + (3 * s_second));
        queue.Schedule("d", Instant.Now(_clock) + (4 * s_second));

        _clock.Advance(3 * s_second);
        Assert.True(queue.IsAsleep);
        _clock.Advance(0.5 * s_second);
        Assert.False(queue.IsAsleep);

        Assert.Equal("a", await Eventually.DoneAsync(taking));
        Assert.Equal("c", await Eventually.DoneAsync(queue.TakeAsync(CancellationToken.None)));
        Assert.Equal("b", await Eventually.DoneAsync(queue.TakeAsync(CancellationToken.None)));
        Task<string> takingLast = queue.TakeAsync(CancellationToken.None);
        _clock.Advance(3 * s_second);
        Assert.True(queue.IsAsleep);
        _clock.Advance(0.5 * s_second);
        Assert.Equal("d", await Eventually.DoneAsync(takingLast));
    }

    [Fact]
    public async Task A_taker_can_give_up()
    {
        using var source = new CancellationTokenSource();
        Task<string> taking = _queue.TakeAsync(source.Token);

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => taking);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _queue.TakeAsync(source.Token));
    }

    [Fact]
    public void An_item_can_be_there_only_once()
    {
        _queue.Add("a");

        Assert.Throws<ArgumentException>(() => _queue.Add("a"));
    }

    [Fact]
    public Task Whatever_is_done_to_items_each_is_handed_out_when_it_is_due_and_the_longest_due_first()
        => Gen.Select(Gen.Enum<Act>(), Gen.Int[0, 3], Gen.Int[0, 9]).Array[1, 60].SampleAsync(
            async acts =>
            {
                var clock = new FakeTimeProvider();
                using var queue = new PollQueue<Item>(clock);
                var model = new Model(queue, clock);
                foreach ((Act act, int number, int seconds) in acts)
                {
                    model.Do(act, number, TimeSpan.FromSeconds(seconds));
                    await model.TakeDueAsync();
                }

                Assert.Equal(model.Count, queue.Count);
            },
            iter: 2000);

    [Fact]
    public Task Gathered_items_are_never_early_and_wait_no_longer_than_the_window_or_until_enough_are_due()
        => Gen.Select(Gen.Select(Gen.Int[0, 3], Gen.Int[1, 9]).Array[2, 8], Gen.Int[1, 4], Gen.Int[0, 5]).SampleAsync(
            async (times, size, window) =>
            {
                var clock = new FakeTimeProvider();
                using var queue = new PollQueue<Item>(clock, batchFrom: 2, batchWindow: window * s_second, batchSize: size);
                var start = Instant.Now(clock);
                (Instant ScheduledAt, Item Item)[] items =
                    [.. times.Select(time => (start + (time.Item1 * s_second), new Item { At = start + ((time.Item1 + time.Item2) * s_second), IsOut = true }))];
                foreach ((_, Item item) in items)
                {
                    queue.Add(item);
                    await queue.TakeAsync(CancellationToken.None);
                }

                ScheduleDue();
                Task<Item> taking = queue.TakeAsync(CancellationToken.None);
                for (; Instant.Now(clock) < start + (18 * s_second); clock.Advance(0.5 * s_second))
                {
                    Item[] dueNow = [.. items.Select(entry => entry.Item).Where(item => !item.IsOut && item.At <= Instant.Now(clock)).OrderBy(item => item.At)];
                    if (dueNow.Length >= size || dueNow.Any(item => item.At + (window * s_second) <= Instant.Now(clock)))
                    {
                        Assert.False(queue.IsAsleep);
                        foreach (Item item in dueNow)
                        {
                            Item taken = await Eventually.DoneAsync(taking);
                            Assert.Equal(item.At, taken.At);
                            taken.IsOut = true;
                            taking = queue.TakeAsync(CancellationToken.None);
                        }
                    }

                    Assert.True(queue.IsAsleep);
                    ScheduleDue();

                    // An item that is due before all others wakes the taker, who goes to sleep again.
                    await Eventually.TrueAsync(() => queue.IsAsleep);
                }

                Assert.All(items, entry => Assert.True(entry.Item.IsOut));

                void ScheduleDue()
                {
                    foreach ((_, Item item) in items.Where(entry => entry.ScheduledAt == Instant.Now(clock)))
                    {
                        item.IsOut = false;
                        queue.Schedule(item, item.At);
                    }
                }
            },
            iter: 500);

    private sealed class Item
    {
        public Instant At { get; set; }

        public Instant Deadline { get; set; } = Instant.Never;

        public Instant? SignalledAt { get; set; }

        public bool IsOut { get; set; }

        public Instant DueAt => SignalledAt ?? (Deadline < At ? Deadline : At);
    }

    /// <summary>What the queue should do, in its simplest form, beside the queue.</summary>
    private sealed class Model(PollQueue<Item> queue, FakeTimeProvider clock)
    {
        private readonly Item?[] _items = new Item?[4];
        private Task<Item> _taking = queue.TakeAsync(CancellationToken.None);

        public int Count => _items.Count(item => item is not null);

        public void Do(Act act, int number, TimeSpan time)
        {
            Item? item = _items[number];
            Instant at = Instant.Now(clock) + time;
            switch (act)
            {
                case Act.Add when item is null:
                    queue.Add(_items[number] = new Item { At = Instant.Now(clock) });
                    break;
                case Act.Schedule when item is { IsOut: true }:
                    item.At = at;
                    item.IsOut = false;
                    item.SignalledAt = item.SignalledAt is null ? null : Instant.Now(clock);
                    queue.Schedule(item, at);
                    break;
                case Act.Reschedule when item is not null:
                    item.At = item is { IsOut: false, SignalledAt: null } ? at : item.At;
                    queue.Reschedule(item, at);
                    break;
                case Act.SetDeadline when item is not null:
                    item.Deadline = at;
                    queue.SetDeadline(item, at);
                    break;
                case Act.Signal when item is not null:
                    item.SignalledAt ??= Instant.Now(clock);
                    queue.Signal(item);
                    break;
                case Act.Remove when item is not null:
                    _items[number] = null;
                    queue.Remove(item);
                    break;
                case Act.Advance:
                    clock.Advance(time);
                    break;
            }
        }

        public async Task TakeDueAsync()
        {
            while (_items.OfType<Item>().Where(item => !item.IsOut).MinBy(item => item.DueAt) is Item next && next.DueAt <= Instant.Now(clock))
            {
                Item taken = await Eventually.DoneAsync(_taking);
                Assert.Equal(next.DueAt, taken.DueAt);
                Assert.False(taken.IsOut);
                Assert.Contains(taken, _items);
                taken.IsOut = true;
                taken.SignalledAt = null;
                _taking = queue.TakeAsync(CancellationToken.None);
            }

            Assert.False(_taking.IsCompleted);

            // Whoever is still on the way to sleep when the clock is advanced sleeps too long.
            await Eventually.TrueAsync(() => queue.IsAsleep);
        }
    }
}
