using System.Globalization;

namespace KlingPS.Core.Callbacks;

/// <summary>How the listener responded to a request.</summary>
internal enum CallbackResult
{
    /// <summary>200: accepted.</summary>
    Accepted,

    /// <summary>401: not signed, or not with the account's key.</summary>
    Forged,

    /// <summary>401: signed too long ago, or too far in the future.</summary>
    Stale,

    /// <summary>409: the same callback has been accepted before.</summary>
    Replayed,

    /// <summary>413: more than 1 MiB, or a head of more than 16 KiB.</summary>
    TooLarge,

    /// <summary>408: it did not arrive in time.</summary>
    TooSlow,

    /// <summary>400: not HTTP, not JSON, or without a task.</summary>
    Malformed,

    /// <summary>405: not a POST.</summary>
    WrongMethod,

    /// <summary>404: not under the listener's path.</summary>
    WrongPath,

    /// <summary>503: more were accepted than could be processed so far; the service sends it again.</summary>
    Overloaded,
}

/// <summary>How many requests had been answered at one moment, and how.</summary>
internal sealed record CallbackCounts
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

    /// <summary>Callbacks that were accepted.</summary>
    public long Accepted => this[CallbackResult.Accepted];

    /// <summary>Requests that were refused.</summary>
    public long Refused => _counts.Sum() - Accepted;

    /// <summary>The requests that got one kind of response.</summary>
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
