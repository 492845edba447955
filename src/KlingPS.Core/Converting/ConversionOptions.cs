using KlingPS.Core.Saving;
using KlingPS.Core.Submitting;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Converting;

/// <summary>How a batch of images is turned into videos.</summary>
internal sealed record ConversionOptions
{
    /// <summary>Where the videos go and what they are called.</summary>
    public required SaveOptions Save { get; init; }

    /// <summary>How long to wait for the tasks, and how often to poll them.</summary>
    public WaitOptions Wait { get; init; } = new();

    /// <summary>How many tasks this batch may have at the service at the same time; without limit if it is left out. At least 1.</summary>
    public int? ThrottleLimit { get; init; }

    /// <summary>Takes each prompt from the text file beside the image, see <see cref="PromptFile"/>; if there is none, the submission's own.</summary>
    public bool PromptFromSidecar { get; init; }

    /// <summary>Writes a <see cref="Sidecar"/> beside each video.</summary>
    public bool WritesSidecar { get; init; }

    /// <summary>The plan that is carried out; <see langword="null"/> if there is none.</summary>
    public AgreedPlan? Plan { get; init; }

    /// <summary>Keeps the batch within what the account has left; <see langword="null"/> to not ask for that.</summary>
    public BalanceWatch? Balance { get; init; }
}
