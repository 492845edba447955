using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Converting;

/// <summary>One input of a conversion, and what has become of it so far.</summary>
/// <param name="path">The image.</param>
/// <param name="name">What the input is called where it has no image.</param>
internal sealed class ConversionInput(string? path, string? name)
{
    /// <summary>It in the batch; <see langword="null"/> if it did not get there.</summary>
    public ConversionItem? Item { get; set; }

    /// <summary>What went wrong with it.</summary>
    public KlingException? Error { get; set; }

    /// <summary>Its video.</summary>
    public SavedVideo? Video { get; set; }

    /// <summary>Whether the user was asked, and did not want it.</summary>
    public bool IsDeclined { get; set; }

    /// <summary>What was done for it.</summary>
    /// <param name="converter">Knows of requests that have left; <see langword="null"/> if there are none.</param>
    /// <param name="ending">The error that ended the run, which is that of an input that nothing has become of.</param>
    public RunItem ToItem(VideoConverter? converter, KlingException? ending)
    {
        ConversionProgress? progress = Item?.Progress;
        KlingException? error = Error ?? (Item is null && !IsDeclined ? ending : null);
        KlingVideoTask? task = progress?.Task ?? (progress is { Result: null, Identity: string identity } ? converter?.FindUnderWay(identity) : null);
        (decimal reserved, decimal consumed) = progress?.Credits ?? default;
        RunItemResult result = progress?.Result
            ?? (IsDeclined ? RunItemResult.Refused
                : error is null ? RunItemResult.Pending
                : error == ending ? RunItemResult.Failed
                : RunResults.Of(error.Kind, isPaid: false));
        return new RunItem
        {
            Path = path,
            Name = name,
            Identity = progress?.Identity,
            What = result,
            Id = task?.Id ?? error?.TaskNumber,
            TaskId = task?.TaskId,
            State = task?.State,
            CreditsReserved = progress?.Task is null && task is not null ? task.CreditsReserved : reserved,
            CreditsConsumed = consumed,
            File = Video?.Path,
            Hash = Video?.Task.SavedHash,
            ErrorId = error is null ? null : ErrorCatalog.IdOf(error.Kind),
            ErrorMessage = IsDeclined ? "It was not wanted when the command asked." : error?.Message,
        };
    }
}
