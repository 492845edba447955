using System.Globalization;

namespace KlingPS.Core.Model;

/// <summary>What spending is grouped by.</summary>
public enum KlingSpendGroup
{
    /// <summary>The day on which videos were asked for, from midnight to midnight, as the daily limit counts it: local time, or for a ledger on a server, the time in its time zone.</summary>
    Day,

    /// <summary>The month of that day.</summary>
    Month,

    /// <summary>The folder of the image, or of the video or audio file that a video was made from.</summary>
    Folder,

    /// <summary>The model.</summary>
    Model,

    /// <summary>The prompt.</summary>
    Prompt,

    /// <summary>One run of ConvertTo-KlingVideo or New-KlingVideoTask.</summary>
    Run,

    /// <summary>The account that has paid.</summary>
    Account,
}

/// <summary>What one group of tasks in the ledger asked for and has cost.</summary>
public sealed record KlingSpend
{
    /// <summary>What the tasks are grouped by, as the name of a <see cref="KlingSpendGroup"/>.</summary>
    public required string GroupBy { get; init; }

    /// <summary>
    /// The group: a day as <c>yyyy-MM-dd</c>, a month as <c>yyyy-MM</c>, the path of a folder, the id of a model or a run, a prompt, the
    /// fingerprint of an account. <see langword="null"/> for tasks that have none, such as those without a local file.
    /// </summary>
    public required string? Group { get; init; }

    /// <summary>Videos that were made.</summary>
    public int Videos { get; init; }

    /// <summary>Tasks that the service accepted and then failed to make.</summary>
    public int Failures { get; init; }

    /// <summary>Those of the failures whose video a later task has produced.</summary>
    public int FailuresMadeGood { get; init; }

    /// <summary>Requests that the service refused, or that never left: nothing was bought.</summary>
    public int Refused { get; init; }

    /// <summary>Requests that may or may not have been accepted. What they may cost is reserved.</summary>
    public int Unknown { get; init; }

    /// <summary>Tasks that are being made.</summary>
    public int Pending { get; init; }

    /// <summary>Credits that the service has charged.</summary>
    public decimal CreditsConsumed { get; init; }

    /// <summary>Credits set aside for what is, or may be, being made.</summary>
    public decimal CreditsReserved { get; init; }

    /// <summary>What <see cref="CreditsConsumed"/> are in US dollars, at the price of one credit.</summary>
    public decimal Dollars => VideoPrice.Plain(CreditsConsumed * VideoPrice.DollarsPerCredit);

    /// <summary>When the first task was requested.</summary>
    public DateTimeOffset First { get; init; }

    /// <summary>When the last task was requested.</summary>
    public DateTimeOffset Last { get; init; }

    /// <summary>The credits that the account has left now, if they were queried.</summary>
    public decimal? Balance { get; init; }

    /// <summary>The sums in words, such as <c>2026-11-26: 3 videos, 1 failure; 126 credits spent, 42 reserved</c>.</summary>
    public override string ToString()
    {
        string videos = Videos == 1 ? "video" : "videos";
        string failures = Failures == 1 ? "failure" : "failures";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Group ?? "none"}: {Videos} {videos}, {Failures} {failures}; {CreditsConsumed:0.###} credits spent, {CreditsReserved:0.###} reserved");
    }

    /// <summary>This and another part of the same group.</summary>
    internal KlingSpend Add(KlingSpend other) => this with
    {
        Videos = Videos + other.Videos,
        Failures = Failures + other.Failures,
        FailuresMadeGood = FailuresMadeGood + other.FailuresMadeGood,
        Refused = Refused + other.Refused,
        Unknown = Unknown + other.Unknown,
        Pending = Pending + other.Pending,
        CreditsConsumed = CreditsConsumed + other.CreditsConsumed,
        CreditsReserved = CreditsReserved + other.CreditsReserved,
        First = First < other.First ? First : other.First,
        Last = Last > other.Last ? Last : other.Last,
    };
}
