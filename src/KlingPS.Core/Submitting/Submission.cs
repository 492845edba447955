using KlingPS.Core.Model;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Submitting;

/// <summary>One video to buy, and how it is bought.</summary>
internal sealed record Submission
{
    /// <summary>The video.</summary>
    public required VideoSpec Spec { get; init; }

    /// <summary>The full path of the text file that the prompt comes from; <see langword="null"/> for a prompt from elsewhere.</summary>
    public string? PromptPath { get; init; }

    /// <summary>Buys even while an identical attempt is unknown.</summary>
    public bool Force { get; init; }

    /// <summary>Takes an earlier purchase of the same video instead of buying it again; which of two processes buys is decided by the ledger.</summary>
    public bool ReusePurchase { get; init; }

    /// <summary>With <see cref="ReusePurchase"/>: buys again if an earlier purchase of the same video has failed.</summary>
    public bool RetryFailed { get; init; }

    /// <summary>With <see cref="ReusePurchase"/>: also buys what another account, or somebody with another ledger, has already bought.</summary>
    public bool AllowRepurchase { get; init; }

    /// <summary>Buys nothing for files whose content has changed since the same was bought for them before.</summary>
    public bool SkipChanged { get; init; }

    /// <summary>The video from a gallery that this one is to be another take of; <see langword="null"/> if it does not come from a gallery.</summary>
    public KlingVideoTask? AnotherOf { get; init; }

    /// <summary>The run of the command that buys it; see <see cref="Model.RunId"/>. <see langword="null"/> outside of one.</summary>
    public string? RunId { get; init; }

    /// <summary>Its place among the purchases of the run, which are decided in the order of the input; <see langword="null"/> outside of a run.</summary>
    public Turn? Turn { get; init; }

    /// <summary>How much may be spent; <see langword="null"/> for no limit.</summary>
    public BudgetLimit? Budget { get; init; }

    /// <summary>What has been agreed about buying it; <see langword="null"/> where it may be bought at any time.</summary>
    public IAgreement? Agreement { get; init; }

    /// <summary>The unknown task that this one replaces.</summary>
    public KlingVideoTask? Replaces { get; init; }

    /// <inheritdoc cref="VideoSpec.Subject"/>
    public string Subject => Spec.Subject;

    /// <summary>What it is expected to cost, once that has been looked up; until then, the price of the model's row counts.</summary>
    public PriceEstimate? Price { get; init; }

    /// <summary>What it will cost in credits; <see langword="null"/> for a model whose price is not known here.</summary>
    public decimal? Credits => Price is null ? Spec.GetCredits() : Price.Credits;

    /// <summary>
    /// An error with the sentence that nothing was bought for this submission, unless it says so already. If the ledger is gone, that is what
    /// matters, and comes first; then it is not known what others have bought.
    /// </summary>
    internal KlingException SayNothingBought(KlingException exception)
    {
        string nothing = $"Nothing was bought for '{Subject}'";
        if (exception.Kind != ErrorKind.LedgerUnusable)
        {
            return exception.Message.StartsWith(nothing, StringComparison.Ordinal) ? exception : exception.WithMessage($"{nothing}. {exception.Message}");
        }

        KlingException own = exception.WithMessage($"{exception.Message} This command bought nothing for '{Subject}'.");
        own.OfAll = exception;
        return own;
    }
}

/// <summary>What has been agreed about buying a video, and may have changed while it waits to be bought.</summary>
internal interface IAgreement
{
    /// <summary>Refuses if there is no more time. Asks nobody, and is called again right before a request leaves, which may have been held back for long.</summary>
    /// <exception cref="KlingException">Nothing more may be bought.</exception>
    void RequireInTime();

    /// <summary>Refuses if the ledger knows by now of purchases that were not agreed on, such as one that has been made since and has failed.</summary>
    /// <param name="identified">What is about to be bought.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="KlingException">It may not be bought.</exception>
    Task RequireStillAsync(IdentifiedSubmission identified, CancellationToken cancellationToken);
}
