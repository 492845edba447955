namespace KlingPS.Core.Ledger;

/// <summary>The runs of ConvertTo-KlingVideo: when each took place, and its outcome. Each task bought in a run names it.</summary>
/// <remarks>Safe for concurrent use.</remarks>
internal interface IRunJournal
{
    /// <summary>Records that a run has begun.</summary>
    /// <param name="run">The run.</param>
    /// <param name="cancellationToken">Cancels the wait; nothing is recorded then.</param>
    Task BeginAsync(RunRecord run, CancellationToken cancellationToken);

    /// <summary>Records how a run has ended. A run that was killed never gets an end.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="result">What came of it.</param>
    Task EndAsync(string id, RunResult result);

    /// <summary>The run that began last, or, if only runs that have ended count, the one that ended last; <see langword="null"/> if there is none.</summary>
    /// <param name="filter">Which runs count.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<RunRecord?> FindLastAsync(RunFilter filter, CancellationToken cancellationToken);
}

/// <summary>A run.</summary>
/// <param name="Id">Its id; see <see cref="Model.RunId"/>.</param>
/// <param name="Account">The account that pays.</param>
/// <param name="Command">The command.</param>
/// <param name="StartedAt">When it began, by the clock of the ledger.</param>
internal sealed record RunRecord(string Id, string Account, string Command, DateTimeOffset StartedAt)
{
    /// <summary>When it ended; <see langword="null"/> while it goes on, or when it was killed.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>What came of it, once it has ended.</summary>
    public RunResult? Result { get; init; }
}

/// <summary>What came of a run: how many of its images ended in which way.</summary>
internal sealed record RunResult
{
    /// <summary>How it ended, as a word.</summary>
    public required string Outcome { get; init; }

    /// <summary>The same as a number, for scripts; 0 when every image has its video.</summary>
    public required int ExitCode { get; init; }

    /// <summary>Videos that were bought and are on disk.</summary>
    public int Made { get; init; }

    /// <summary>Videos that were paid for before and downloaded now.</summary>
    public int Downloaded { get; init; }

    /// <summary>Videos that were there already.</summary>
    public int Present { get; init; }

    /// <summary>Videos that the user has taken elsewhere.</summary>
    public int Taken { get; init; }

    /// <summary>Videos that are paid for and were not ready in time.</summary>
    public int Pending { get; init; }

    /// <summary>Images that a limit has left out.</summary>
    public int OverLimit { get; init; }

    /// <summary>Videos that could not be made or saved.</summary>
    public int Failed { get; init; }

    /// <summary>Images whose video may or may not have been bought.</summary>
    public int Unknown { get; init; }

    /// <summary>Images that something was wrong with, so that nothing was asked for.</summary>
    public int Refused { get; init; }
}

/// <summary>Which runs count. A property that is not set lets every run through.</summary>
internal sealed record RunFilter
{
    /// <summary>Only runs of this account.</summary>
    public string? Account { get; init; }

    /// <summary>Only runs that have ended.</summary>
    public bool HasEnded { get; init; }

    /// <summary>Only runs that ended with one of these codes.</summary>
    public IReadOnlyCollection<int>? ExitCodes { get; init; }
}
