using System.Globalization;

namespace KlingPS.Fuzz;

/// <summary>What came of a round.</summary>
internal sealed record FuzzReport
{
    /// <summary>The most that the memory in use may have grown, in bytes, between a tenth of the round and its end.</summary>
    private const long MaxGrowth = 16 * 1024 * 1024;

    public required string Target { get; init; }

    public required long Inputs { get; init; }

    /// <summary>How many were refused as the module refuses what is wrong. The others were read.</summary>
    public required long Refused { get; init; }

    /// <summary>How many ended in an exception that is no refusal, or in a value that cannot be.</summary>
    public required long Failures { get; init; }

    /// <summary>How many took longer than a second each time they were tried.</summary>
    public required long Slow { get; init; }

    public required TimeSpan Longest { get; init; }

    /// <summary>In bytes, of what is still in use.</summary>
    public required long Growth { get; init; }

    public required TimeSpan Elapsed { get; init; }

    public bool IsGood => Failures == 0 && Slow == 0 && Growth <= MaxGrowth;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Target}: {Inputs:N0} inputs, {Refused:N0} refused, {Failures:N0} failures, {Slow:N0} slow (longest {Longest.TotalMilliseconds:N0} ms), memory {Growth / 1024.0 / 1024:+0.0;-0.0;0.0} MiB, {Elapsed.TotalSeconds:N0} s ({Inputs / Math.Max(Elapsed.TotalSeconds, 0.001):N0} per second)");
}
