using CsCheck;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Tests.Scheduling;

public sealed class PrioritySlotsTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    private enum Act
    {
        Enter,
        Leave,
        GiveUp,
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_most_urgent_goes_next_and_of_equals_the_first_to_come()
    {
        var slots = new PrioritySlots(1);
        IDisposable slot = await slots.EnterAsync(DateTimeOffset.MaxValue, Token);
        var order = new List<string>();
        Task[] waiting = [PassAsync("late", 9), PassAsync("first", 5), PassAsync("second", 5), PassAsync("urgent", 1)];

        slot.Dispose();
        await Task.WhenAll(waiting);

        Assert.Equal(["urgent", "first", "second", "late"], order);

        async Task PassAsync(string name, int minutes)
        {
            using IDisposable _ = await slots.EnterAsync(s_now.AddMinutes(minutes), Token);
            order.Add(name);
        }
    }

    [Fact]
    public async Task A_slot_is_given_back_once()
    {
        var slots = new PrioritySlots(1);
        IDisposable slot = await slots.EnterAsync(s_now, Token);
        slot.Dispose();
        slot.Dispose();

        Task<IDisposable> next = slots.EnterAsync(s_now, Token);
        Assert.True(next.IsCompletedSuccessfully);
        Assert.False(slots.EnterAsync(s_now, Token).IsCompleted);
    }

    [Fact]
    public async Task Who_comes_with_nothing_left_to_wait_for_takes_no_slot()
    {
        var slots = new PrioritySlots(1);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slots.EnterAsync(s_now, new CancellationToken(canceled: true)));

        Assert.True(slots.EnterAsync(s_now, Token).IsCompletedSuccessfully);
    }

    [Fact]
    public void There_is_at_least_one_slot() => Assert.Throws<ArgumentOutOfRangeException>(() => new PrioritySlots(0));

    [Fact]
    public Task No_more_are_inside_than_there_are_slots_the_most_urgent_is_next_and_no_slot_is_lost()
        => Gen.Select(Gen.Int[1, 4], Gen.Select(Gen.Enum<Act>(), Gen.Int[0, 20]).Array[1, 60]).SampleAsync(async (count, acts) =>
        {
            var slots = new PrioritySlots(count);
            var inside = new List<Task<IDisposable>>();
            var waiting = new List<(Task<IDisposable> Turn, int Deadline, CancellationTokenSource Source)>();
            foreach ((Act act, int number) in acts)
            {
                switch (act)
                {
                    case Act.Enter:
                        var source = new CancellationTokenSource();
                        Task<IDisposable> turn = slots.EnterAsync(s_now.AddMinutes(number), source.Token);
                        if (inside.Count < count)
                        {
                            inside.Add(turn);
                        }
                        else
                        {
                            waiting.Add((turn, number, source));
                        }

                        break;
                    case Act.Leave when inside.Count > 0:
                        await LeaveAsync(number % inside.Count);
                        break;
                    case Act.GiveUp when waiting.Count > 0:
                        (Task<IDisposable> given, _, CancellationTokenSource stop) = waiting[number % waiting.Count];
                        waiting.RemoveAt(number % waiting.Count);
                        await stop.CancelAsync();
                        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
                        break;
                }

                await Task.WhenAll(inside);
                Assert.All(waiting, entry => Assert.False(entry.Turn.IsCompleted));
            }

            while (inside.Count > 0)
            {
                await LeaveAsync(0);
            }

            Assert.Empty(waiting);
            Assert.All(Enumerable.Range(0, count), _ => Assert.True(slots.EnterAsync(s_now, Token).IsCompletedSuccessfully));
            Assert.False(slots.EnterAsync(s_now, Token).IsCompleted);

            async Task LeaveAsync(int index)
            {
                Task<IDisposable> leaving = inside[index];
                inside.RemoveAt(index);
                (await leaving).Dispose();
                if (waiting.Count > 0)
                {
                    // Sorting is stable: of equals, the first to come is the first.
                    (Task<IDisposable> Turn, int Deadline, CancellationTokenSource Source) next = waiting.OrderBy(entry => entry.Deadline).First();
                    waiting.Remove(next);
                    inside.Add(next.Turn);
                    await Eventually.DoneAsync(next.Turn);
                }
            }
        }, iter: 300);
}
