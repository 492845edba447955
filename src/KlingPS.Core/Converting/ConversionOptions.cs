using KlingPS.Core.Saving;
using KlingPS.Core.Submitting;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Converting;

/// <summary>How a batch of images becomes videos.</summary>
public sealed record ConversionOptions
{
    /// <summary>Where the videos go and what they are called.</summary>
    public required SaveOptions Save { get; init; }

    /// <summary>How long and how often to look at the tasks.</summary>
    public WaitOptions Wait { get; init; } = new();

    /// <summary>Tasks that this batch may have at the service at the same time; without limit when it is left out. At least 1.</summary>
    public int? ThrottleLimit { get; init; }

    /// <summary>Takes each prompt from the text file beside the image, see <see cref="PromptFile"/>; the request's own is used where there is none.</summary>
    public bool PromptFromSidecar { get; init; }

    /// <summary>Writes a <see cref="Sidecar"/> beside each video.</summary>
    public bool WritesSidecar { get; init; }
}
