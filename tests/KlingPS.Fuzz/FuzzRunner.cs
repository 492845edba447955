using System.Diagnostics;

namespace KlingPS.Fuzz;

/// <summary>Gives a target changed examples and counts what goes wrong.</summary>
internal static class FuzzRunner
{
    /// <summary>What an input may take. Whatever takes longer is run again, for the machine may have been busy.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);

    /// <summary>Runs a number of inputs. Which they are follows from the seed alone.</summary>
    /// <param name="target">What reads them.</param>
    /// <param name="inputs">How many.</param>
    /// <param name="seed">Any number.</param>
    /// <param name="onBegin">Is told of every input before it is read, in case that never ends.</param>
    /// <param name="onFinding">Is told what is wrong, with the input.</param>
    public static async Task<FuzzReport> RunAsync(FuzzTarget target, long inputs, int seed, Action<long, byte[]>? onBegin = null, Action<FuzzFinding>? onFinding = null)
    {
        var mutator = new Mutator(target.Corpus, target.IsJson);
        var watch = Stopwatch.StartNew();
        long failures = 0;
        long slow = 0;
        long refused = 0;
        long memory = 0;
        TimeSpan longest = TimeSpan.Zero;
        for (long number = 0; number < inputs; number++)
        {
            if (number == inputs / 10)
            {
                memory = GC.GetTotalMemory(forceFullCollection: true);
            }

            // The examples themselves come first.
            byte[] input = number < target.Corpus.Count ? target.Corpus[(int)number] : mutator.Next(new Random(HashOf(seed, number)));
            onBegin?.Invoke(number, input);
            (Exception? exception, TimeSpan taken) = await ReadAsync(target, input).ConfigureAwait(false);
            for (int again = 0; again < 2 && taken > s_longest; again++)
            {
                (exception, TimeSpan next) = await ReadAsync(target, input).ConfigureAwait(false);
                taken = next < taken ? next : taken;
            }

            longest = taken > longest ? taken : longest;
            if (taken > s_longest)
            {
                slow++;
                onFinding?.Invoke(new FuzzFinding(number, input, $"It took {taken.TotalSeconds:0.0} s."));
            }

            if (exception is null)
            {
                continue;
            }

            if (target.IsExpected(exception))
            {
                refused++;
            }
            else
            {
                failures++;
                onFinding?.Invoke(new FuzzFinding(number, input, exception.ToString()));
            }
        }

        return new FuzzReport
        {
            Target = target.Name,
            Inputs = inputs,
            Refused = refused,
            Failures = failures,
            Slow = slow,
            Longest = longest,
            Growth = GC.GetTotalMemory(forceFullCollection: true) - memory,
            Elapsed = watch.Elapsed,
        };
    }

    private static async Task<(Exception? Exception, TimeSpan Taken)> ReadAsync(FuzzTarget target, byte[] input)
    {
        long begun = Stopwatch.GetTimestamp();
        try
        {
            await target.ReadAsync(input).ConfigureAwait(false);
            return (null, Stopwatch.GetElapsedTime(begun));
        }
#pragma warning disable CA1031 // To see all of them is what this is for.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return (exception, Stopwatch.GetElapsedTime(begun));
        }
    }

    /// <summary>The same in every process, unlike HashCode.</summary>
    private static int HashOf(int seed, long number)
    {
        ulong mixed = ((ulong)(uint)seed << 32) ^ (ulong)number;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return (int)(mixed ^ (mixed >> 31));
    }
}

/// <summary>Something that went wrong.</summary>
/// <param name="Number">Which input of the round it was, from 0.</param>
/// <param name="Input">The input.</param>
/// <param name="What">What happened.</param>
internal sealed record FuzzFinding(long Number, byte[] Input, string What);
