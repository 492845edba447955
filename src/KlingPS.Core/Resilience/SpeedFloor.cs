using System.Globalization;

namespace KlingPS.Core.Resilience;

/// <summary>
/// Tells whether a transfer has become too slow to keep its place: below 4 KB a second on average over 20 seconds. A server that
/// sends a byte now and then would otherwise never time out. One transfer at a time.
/// </summary>
internal sealed class SpeedFloor
{
    /// <summary>The lowest speed that is accepted.</summary>
    public const int BytesPerSecond = 4096;

    /// <summary>The time over which the speed is averaged.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(20);

    private TimeSpan _spent;
    private long _bytes;

    /// <summary>What is wrong with a transfer that is too slow, in words that complete a sentence.</summary>
    public static string Problem { get; } = string.Create(
        CultureInfo.InvariantCulture, $"less than {BytesPerSecond / 1024} KB a second came through for {Window.TotalSeconds:0} s");

    /// <summary>Whether this many bytes are too few for this time.</summary>
    public static bool IsBelow(long bytes, TimeSpan time) => bytes < BytesPerSecond * time.TotalSeconds;

    /// <summary>Counts what has been transferred.</summary>
    /// <param name="bytes">How many bytes.</param>
    /// <param name="time">How long they took.</param>
    /// <returns>Whether the transfer has been too slow for a whole window.</returns>
    public bool Count(long bytes, TimeSpan time)
    {
        _bytes += bytes;
        _spent += time;
        if (_spent < Window)
        {
            return false;
        }

        bool isTooSlow = IsBelow(_bytes, _spent);
        (_bytes, _spent) = (0, TimeSpan.Zero);
        return isTooSlow;
    }
}
