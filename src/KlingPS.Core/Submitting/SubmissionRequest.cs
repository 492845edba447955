using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>One video to buy: an image, as a local file or as an address, and the parameters.</summary>
public sealed record SubmissionRequest
{
    /// <summary>The full path of the image; or <see cref="ImageUri"/>.</summary>
    public string? SourcePath { get; init; }

    /// <summary>The address of the image; or <see cref="SourcePath"/>.</summary>
    public string? ImageUri { get; init; }

    /// <summary>With <see cref="ImageUri"/>: the file that was uploaded to it, for the record: its full path, or as another machine has named it. It is not read.</summary>
    public string? UploadedFrom { get; init; }

    /// <summary>The full path of the image the video ends with.</summary>
    public string? TailImagePath { get; init; }

    /// <summary>The address of the image the video ends with.</summary>
    public string? TailImageUri { get; init; }

    /// <summary>The model's id.</summary>
    public string Model { get; init; } = KlingModel.Default;

    /// <summary>What happens in the video: 1 to 2500 characters.</summary>
    public required string Prompt { get; init; }

    /// <summary>What should not be seen: at most 2496 characters.</summary>
    public string? NegativePrompt { get; init; }

    /// <summary>The length in seconds, 5 or 10; the service's default when it is left out.</summary>
    public int? Duration { get; init; }

    /// <summary>How closely the prompt is followed: 0 to 1 in steps of 0.1; the service's default when it is left out.</summary>
    public decimal? CfgScale { get; init; }

    /// <summary>Where the service posts the result.</summary>
    public string? CallbackUri { get; init; }

    /// <summary>Which of several deliberate variants of the same video it is, from 1.</summary>
    public int Take { get; init; } = 1;

    /// <summary>Buys even while an identical attempt is unknown.</summary>
    public bool Force { get; init; }

    /// <summary>Takes an earlier purchase of the same video instead of buying it again; which of two processes buys is decided by the ledger.</summary>
    public bool ReusePurchase { get; init; }

    /// <summary>With <see cref="ReusePurchase"/>: tries again where an earlier attempt at the same video has failed.</summary>
    public bool RetryFailed { get; init; }

    /// <summary>How much may be spent; <see langword="null"/> for no limit.</summary>
    public BudgetLimit? Budget { get; init; }

    /// <summary>The unknown attempt that this one takes the place of.</summary>
    public long? Replaces { get; init; }

    /// <summary>The image's path, or its address.</summary>
    public string Subject => SourcePath ?? UploadedFrom ?? ImageUri ?? string.Empty;

    /// <summary>What it will cost in credits; 0 for a model whose price is not known here.</summary>
    public decimal Credits => KlingModel.CreditsFor(Model, Duration ?? KlingModel.DefaultDuration) ?? 0;
}
