namespace KlingPS.Torture;

/// <summary>What was done, and what the sandbox's bill, the ledger and the disk say afterwards.</summary>
internal sealed record TortureReport
{
    public int Rounds { get; init; }

    /// <summary>Processes that were killed.</summary>
    public int Points { get; init; }

    public int Images { get; init; }

    /// <summary>Create requests that the sandbox received.</summary>
    public int Creates { get; init; }

    /// <summary>Tasks that the sandbox accepted.</summary>
    public int Accepted { get; init; }

    /// <summary>Accepted tasks whose id is not in the ledger: an unknown attempt has to account for each.</summary>
    public int AcceptedWithoutRecord { get; init; }

    /// <summary>Attempts in the ledger whose outcome is unknown.</summary>
    public int Unknown { get; init; }

    /// <summary>Creates whose response the sandbox lost on purpose. The other unknown attempts come from kills.</summary>
    public int ResponsesLost { get; init; }

    /// <summary>Processes that were not killed and ended with an error other than an unknown attempt.</summary>
    public int FailedRuns { get; init; }

    /// <summary>Processes that lost the ledger's server and said so.</summary>
    public int CutOffRuns { get; init; }

    /// <summary>How often the server, or what is between it and the machines, was taken away.</summary>
    public int Disturbances { get; init; }

    /// <summary>Accepted tasks that are in a machine's spool and not in the ledger.</summary>
    public int Spooled { get; init; }

    /// <summary>Accepted tasks beyond the first of an image. A violation.</summary>
    public int DuplicateBills { get; init; }

    /// <summary>Accepted tasks neither in the ledger nor covered by an unknown attempt. A violation.</summary>
    public int Unaccounted { get; init; }

    /// <summary>Images with no unknown attempt and no complete video. A violation.</summary>
    public int MissingVideos { get; init; }

    /// <summary>A description of every violation.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    public bool HasViolations => Problems.Count > 0;

    public static TortureReport operator +(TortureReport left, TortureReport right) => new()
    {
        Rounds = left.Rounds + right.Rounds,
        Points = left.Points + right.Points,
        ResponsesLost = left.ResponsesLost + right.ResponsesLost,
        Images = left.Images + right.Images,
        Creates = left.Creates + right.Creates,
        Accepted = left.Accepted + right.Accepted,
        AcceptedWithoutRecord = left.AcceptedWithoutRecord + right.AcceptedWithoutRecord,
        Unknown = left.Unknown + right.Unknown,
        FailedRuns = left.FailedRuns + right.FailedRuns,
        CutOffRuns = left.CutOffRuns + right.CutOffRuns,
        Disturbances = left.Disturbances + right.Disturbances,
        Spooled = left.Spooled + right.Spooled,
        DuplicateBills = left.DuplicateBills + right.DuplicateBills,
        Unaccounted = left.Unaccounted + right.Unaccounted,
        MissingVideos = left.MissingVideos + right.MissingVideos,
        Problems = [.. left.Problems, .. right.Problems],
    };

    public static TortureReport Add(TortureReport left, TortureReport right) => left + right;

    public override string ToString()
        => $"{Points} kill points in {Rounds} rounds, {Images} images, {Creates} creates ({ResponsesLost} responses lost), {Accepted} accepted, "
            + $"{AcceptedWithoutRecord} of them covered by {Unknown} unknown attempts, {FailedRuns} failed runs{(Disturbances == 0 ? string.Empty : $", {Disturbances} disturbances of the server, {CutOffRuns} runs cut off by them, {Spooled} tasks in a spool at the end")}: "
            + $"{DuplicateBills} duplicate bills, {Unaccounted} paid tasks unaccounted for, {MissingVideos} missing videos, {Problems.Count} violations in all";
}
