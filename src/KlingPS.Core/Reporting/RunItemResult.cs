namespace KlingPS.Core.Reporting;

/// <summary>What a run has done for one image.</summary>
internal enum RunItemResult
{
    /// <summary>Its video was bought in this run and is on disk.</summary>
    Made,

    /// <summary>Its video was paid for before, and was downloaded in this run.</summary>
    Downloaded,

    /// <summary>Its video was there already.</summary>
    Present,

    /// <summary>The user has taken its video elsewhere.</summary>
    Taken,

    /// <summary>It has no video yet, and nothing is wrong with it: it is paid for and being made, or its turn had not come when the run ended.</summary>
    Pending,

    /// <summary>A limit of the run or of the day has left it out.</summary>
    OverLimit,

    /// <summary>The service could not make the video, or it could not be downloaded.</summary>
    Failed,

    /// <summary>It is not known whether its video was bought.</summary>
    Unknown,

    /// <summary>Nothing was bought for it, because it cannot be used as it is.</summary>
    Refused,
}

/// <summary>Says what a run has done.</summary>
internal static class RunResults
{
    /// <summary>What an error means for its image.</summary>
    /// <param name="kind">The error.</param>
    /// <param name="isPaid">Whether its video is paid for.</param>
    public static RunItemResult Of(ErrorKind kind, bool isPaid) => kind switch
    {
        ErrorKind.AttemptUnknown => RunItemResult.Unknown,
        ErrorKind.BudgetExceeded => RunItemResult.OverLimit,
        ErrorKind.WaitTimeout or ErrorKind.TaskPending => RunItemResult.Pending,

        // That the ledger cannot be reached does not mean that anything is wrong with a video that is paid for.
        ErrorKind.LedgerUnusable when isPaid => RunItemResult.Pending,
        ErrorKind.RequestInvalid or ErrorKind.ImageUnsupported or ErrorKind.PathNotFound or ErrorKind.FileUnreadable or ErrorKind.FileExists
            or ErrorKind.DestinationUnusable or ErrorKind.BoughtElsewhere or ErrorKind.ImageChanged or ErrorKind.PlanDiffers when !isPaid => RunItemResult.Refused,
        _ => RunItemResult.Failed,
    };

    /// <summary>How a run has ended.</summary>
    /// <param name="items">What was done for each image.</param>
    /// <param name="ending">Whether it did all it could, was stopped, or was ended by an error.</param>
    /// <param name="error">The error that ended it, or the buying in it.</param>
    public static RunOutcome Decide(IReadOnlyCollection<RunItem> items, RunEnding ending, ErrorKind? error)
    {
        ArgumentNullException.ThrowIfNull(items);
        var results = items.Select(item => item.What).ToHashSet();
        return error is not null && !items.Any(HasBegun) ? RunOutcome.CouldNotBegin
            : ending == RunEnding.Stopped ? RunOutcome.Stopped
            : Has(RunItemResult.Unknown) || (error is ErrorKind kind && NeedsPerson(kind)) ? RunOutcome.NeedsPerson
            : Has(RunItemResult.OverLimit) ? RunOutcome.LimitReached
            : items.Count == 0 && error is null ? RunOutcome.NothingToDo
            : error is not null || Has(RunItemResult.Pending) || Has(RunItemResult.Failed) || Has(RunItemResult.Refused) ? RunOutcome.Partly
            : RunOutcome.AllThere;

        bool Has(RunItemResult result) => results.Contains(result);
    }

    /// <summary>Whether something was done for an image, or had been done already.</summary>
    private static bool HasBegun(RunItem item)
        => item.What is RunItemResult.Made or RunItemResult.Downloaded or RunItemResult.Present or RunItemResult.Taken or RunItemResult.Unknown || item.Id is not null;

    /// <summary>Whether the same command will meet an error again until somebody does something about it.</summary>
    private static bool NeedsPerson(ErrorKind kind) => kind is ErrorKind.Unauthorized or ErrorKind.CreditsInsufficient or ErrorKind.KeyCapReached
        or ErrorKind.FeatureDisabled or ErrorKind.ApiKeyMissing or ErrorKind.LedgerUnusable or ErrorKind.EndpointWrong;
}

/// <summary>Why a run ended.</summary>
internal enum RunEnding
{
    /// <summary>All input had come, and everything possible was done for it.</summary>
    Complete,

    /// <summary>An error ended the command.</summary>
    Error,

    /// <summary>Somebody or something else ended the pipeline.</summary>
    Stopped,
}
