using System.Globalization;

namespace KlingPS.Core.Callbacks;

/// <summary>How many requests were answered how, up to one moment.</summary>
public sealed record CallbackCounts
{
    private static readonly (CallbackResult Result, string Name)[] s_refusals =
    [
        (CallbackResult.Forged, "forged or unsigned"),
        (CallbackResult.Stale, "stale"),
        (CallbackResult.Replayed, "replayed"),
        (CallbackResult.TooLarge, "too large"),
        (CallbackResult.TooSlow, "too slow"),
        (CallbackResult.Malformed, "malformed"),
        (CallbackResult.WrongMethod, "with another method"),
        (CallbackResult.WrongPath, "to another path"),
        (CallbackResult.Overloaded, "put off"),
    ];

    private readonly long[] _counts;

    internal CallbackCounts(long[] counts)
    {
        _counts = counts;
    }

    /// <summary>Callbacks that were taken.</summary>
    public long Accepted => this[CallbackResult.Accepted];

    /// <summary>Requests that were not.</summary>
    public long Refused => _counts.Sum() - Accepted;

    /// <summary>The requests that were answered in one way.</summary>
    public long this[CallbackResult result] => _counts[(int)result];

    /// <summary>The counts in words, such as <c>12 accepted, 3 refused (2 stale, 1 replayed)</c>.</summary>
    public override string ToString()
    {
        string[] parts = [.. s_refusals
            .Where(refusal => this[refusal.Result] > 0)
            .Select(refusal => string.Create(CultureInfo.InvariantCulture, $"{this[refusal.Result]} {refusal.Name}"))];
        string refused = parts.Length == 0 ? string.Empty : $" ({string.Join(", ", parts)})";
        return string.Create(CultureInfo.InvariantCulture, $"{Accepted} accepted, {Refused} refused{refused}");
    }
}
