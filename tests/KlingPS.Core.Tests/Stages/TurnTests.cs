using CsCheck;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Tests.Stages;

/// <summary>Items whose turn comes in the order in which they came.</summary>
public sealed class TurnTests
{
    [Fact]
    public void A_turn_comes_exactly_when_all_before_it_have_passed() => Gen.Int[0, 9].Array[0, 60].Sample(steps =>
    {
        var line = new TurnLine();
        var turns = new List<Turn>();
        var passed = new HashSet<int>();
        var watched = new Dictionary<int, Task>();
        foreach (int step in steps)
        {
            // Some come, some are waited for, and any of them may pass, more than once too.
            if (step < 4 || turns.Count == 0)
            {
                turns.Add(line.Next());
            }
            else if (step < 6)
            {
                int one = step * 7 % turns.Count;
                watched.TryAdd(one, turns[one].Arrival);
            }
            else
            {
                int one = step * 11 % turns.Count;
                turns[one].Pass();
                passed.Add(one);
            }

            for (int i = 0; i < turns.Count; i++)
            {
                bool hasCome = Enumerable.Range(0, i).All(passed.Contains);
                if (turns[i].HasPassed != passed.Contains(i) || (watched.TryGetValue(i, out Task? arrival) && arrival.IsCompleted != hasCome))
                {
                    return false;
                }
            }
        }

        return turns.Select((turn, i) => turn.Arrival.IsCompleted == Enumerable.Range(0, i).All(passed.Contains)).All(isRight => isRight);
    });

    [Fact]
    public async Task A_hundred_thousand_may_wait_for_one()
    {
        var line = new TurnLine();
        Turn first = line.Next();
        Turn[] others = [.. Enumerable.Range(0, 100_000).Select(_ => line.Next())];
        Task last = others[^1].Arrival;
        foreach (Turn turn in others)
        {
            turn.Pass();
        }

        Assert.False(last.IsCompleted);
        first.Pass();
        await Eventually.DoneAsync(last);
    }

    [Fact]
    public async Task Turns_that_pass_on_several_threads_all_come()
    {
        var line = new TurnLine();
        Turn[] turns = [.. Enumerable.Range(0, 10_000).Select(_ => line.Next())];
        Task all = Task.WhenAll(turns.Where((_, i) => i % 3 == 0).Select(turn => turn.Arrival));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(part => Task.Run(() =>
        {
            for (int i = part; i < turns.Length; i += 4)
            {
                turns[i].Pass();
            }
        })));
        await Eventually.DoneAsync(all);
        Assert.True(line.Next().Arrival.IsCompleted);
    }
}
