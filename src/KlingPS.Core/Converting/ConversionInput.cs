using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Converting;

/// <summary>One input of a conversion, and its state so far.</summary>
/// <param name="path">The image.</param>
/// <param name="name">The name of the input if it has no image.</param>
internal sealed class ConversionInput(string? path, string? name)
{
    /// <summary>Its place among the inputs, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The item in the batch; <see langword="null"/> if the input did not get there.</summary>
    public ConversionItem? Item { get; set; }

    /// <summary>What was asked for, if that could be understood.</summary>
    public Submission? Asked { get; set; }

    /// <summary>What would be done for it, if that was only planned.</summary>
    public ConversionPlan? Plan { get; set; }

    /// <summary>Whether the limits allow what would be done.</summary>
    public bool IsWithinBudget { get; set; } = true;

    /// <summary>What went wrong with it.</summary>
    public KlingException? Error { get; set; }

    /// <summary>Its video.</summary>
    public SavedVideo? Video { get; private set; }

    /// <summary>Whether the user was asked and declined.</summary>
    public bool IsDeclined { get; set; }

    /// <summary>Called when it comes out of the batch.</summary>
    /// <param name="outcome">Its outcome.</param>
    public void End(Outcome<ConversionItem, SavedVideo> outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        Video = outcome.Value;
        Error = outcome.Error;
    }

    /// <summary>What would be done for it.</summary>
    public PlanItem ToPlanItem()
    {
        bool isBought = Plan is { Step: ConversionStep.Buy } && IsWithinBudget;
        RunItemResult result = Error is not null ? RunResults.Of(Error.Kind, isPaid: false) : Plan?.Step switch
        {
            ConversionStep.Buy when !IsWithinBudget => RunItemResult.OverLimit,
            ConversionStep.Buy => RunItemResult.Made,
            ConversionStep.Wait => RunItemResult.Pending,
            ConversionStep.Download => RunItemResult.Downloaded,
            ConversionStep.Taken => RunItemResult.Taken,
            ConversionStep.Nothing => RunItemResult.Present,
            _ => RunItemResult.Refused,
        };
        Submission? submission = Plan?.Submission ?? Asked;
        return new PlanItem
        {
            Path = path,
            Name = name,
            Result = result.ToString(),
            Credits = isBought ? submission!.Credits : 0,
            Price = isBought && submission!.Price is { Credits: not null } price ? new PlanPrice(price.IsObserved ? "Service" : "Model", price.AsOf) : null,
            Identity = Plan?.Identity,
            Request = submission is null ? null : PlanRequest.Of(submission.Spec, submission.PromptPath),
            File = Plan?.Path,
            Task = Plan?.Task is { Id: > 0 } task ? new PlanTask(task.Id, task.TaskId, task.State) : null,
            Remark = Plan?.Remark,
            ErrorId = Error is null ? null : ErrorCatalog.IdOf(Error.Kind),
            ErrorMessage = Error?.Message,
        };
    }

    /// <summary>What was done for it.</summary>
    /// <param name="converter">Knows about requests that have left; <see langword="null"/> if there are none.</param>
    /// <param name="ending">The error that ended the run; inputs without a result get it.</param>
    /// <param name="counted">The tasks without a response that have been counted already: several inputs may share one.</param>
    public RunItem ToItem(VideoConverter? converter, KlingException? ending, HashSet<long> counted)
    {
        ConversionProgress? progress = Item?.Progress;
        KlingException? error = Error ?? (Item is null && !IsDeclined ? ending : null);
        KlingVideoTask? underWay = progress is { Task: null, Result: null or RunItemResult.Pending, Identity: string identity } ? converter?.FindUnderWay(identity) : null;
        KlingVideoTask? task = progress?.Task ?? underWay;
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
            CreditsReserved = underWay is not null && counted.Add(underWay.Id) ? underWay.CreditsReserved : reserved,
            CreditsConsumed = consumed,
            File = Video?.Path,
            Hash = Video?.Task.SavedHash,
            ErrorId = error is null ? null : ErrorCatalog.IdOf(error.Kind),
            ErrorMessage = IsDeclined ? "It was not wanted when the command asked." : error?.Message,
        };
    }
}
