using System.Globalization;
using KlingPS.Core;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;

namespace KlingPS.Text;

/// <summary>What is said about turning images into videos.</summary>
internal static class ConversionText
{
    /// <summary>The progress of the batch, for the progress bar: in as many words as there is room for, the most important first.</summary>
    /// <param name="counts">The counts.</param>
    /// <param name="refused">Images that did not get into the batch.</param>
    /// <param name="room">How many columns are available.</param>
    public static string DescribeProgress(ConversionCounts counts, int refused, int room)
    {
        string head = string.Create(CultureInfo.InvariantCulture, $"{counts.Saved} of {counts.Total} saved");
        string without = Part(counts.Missing + refused, "without");
        string credits = string.Create(CultureInfo.InvariantCulture, $"; {counts.Credits:0.##} credits");
        string sending = Part(counts.Sending, "waiting to be sent");
        string each = Part(counts.Queued, "queued") + Part(counts.Uploading, "uploading");
        string making = Part(counts.Generating, "generating") + Part(counts.Downloading, "downloading");
        string before = Part(counts.Queued + counts.Uploading, "queued");
        string during = Part(counts.Generating + counts.Downloading, "at work");
        string[] texts =
        [
            head + each + sending + making + without + credits,
            head + each + sending + making + without,
            head + before + sending + making + without,
            head + before + Part(counts.Sending, "waiting") + making + without,
            head + before + Part(counts.Sending, "waiting") + during + without,
            head + Part(counts.Total - counts.Done, "to come") + without,
        ];
        return texts.FirstOrDefault(text => text.Length <= room) ?? head;
    }

    private static string Part(int count, string what) => count == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", {count} {what}");

    /// <summary>What would be done for an image, to be confirmed.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="isWithinBudget">Whether the limits allow it.</param>
    public static string DescribePlan(ConversionPlan plan, bool isWithinBudget)
    {
        string action = isWithinBudget ? Describe(plan)
            : plan.IsOverDailyCap ? "leave it out, because the daily limit of the configuration (DailyCreditCap) is reached"
            : "leave it out, because the limit of this run is reached";
        string remark = plan.Remark is null ? string.Empty : $" ({plan.Remark})";
        return $"'{plan.Submission.Subject}': {action}{remark}";
    }

    /// <summary>The error that ends a batch, with what is left to do.</summary>
    /// <param name="fatal">The items that ended with a fatal error; the first one's ends the batch.</param>
    /// <param name="there">How many videos are on disk.</param>
    public static KlingException CreateEnding(IReadOnlyList<Outcome<ConversionItem, SavedVideo>> fatal, int there)
    {
        // The error of a video that is there says where unrecorded facts are kept.
        bool isLedgerLost = fatal[0].Error is { Kind: ErrorKind.LedgerUnusable };
        Outcome<ConversionItem, SavedVideo> first = isLedgerLost ? fatal.FirstOrDefault(outcome => outcome.Value is not null) ?? fatal[0] : fatal[0];
        KlingException error = first.Error!;
        Outcome<ConversionItem, SavedVideo>[] missing = [.. fatal.Where(outcome => outcome.Value is null)];
        if (missing.Length == 0)
        {
            return error;
        }

        string rest = missing.Length == 1 ? $"'{missing[0].Item.Submission.Subject}' has" : $"{missing.Length} images have";
        if (isLedgerLost && (missing.Length > 1 || there > 0))
        {
            // The ledger is gone for all of them, not just for the one whose turn it was.
            error = error.OfAll ?? error;
            rest = (there == 0 ? string.Empty : there == 1 ? "1 video is on disk; " : string.Create(CultureInfo.InvariantCulture, $"{there} videos are on disk; ")) + rest;
        }

        return error.WithMessage($"{error.Message} {rest} no video yet. Nothing that is paid for is lost; run the same command again for the rest.");
    }

    private static string Describe(ConversionPlan plan)
    {
        string where = plan.Path is null ? string.Empty : $" to '{plan.Path}'";
        return plan.Step switch
        {
            ConversionStep.Buy => $"buy {SubmissionText.DescribeVideo(plan.Submission.Spec)} {SubmissionText.DescribePrice(plan.Submission)} and save it{where}",
            ConversionStep.Wait when plan.Task is null => $"save the video to be bought for another image with the same content{where}",
            ConversionStep.Wait when plan.Task.TaskState == KlingTaskState.Submitting => $"wait for the video, which is being bought right now, and save it{where}",
            ConversionStep.Wait => $"wait for the video, which is already paid for, and save it{where}",
            ConversionStep.Download => $"download the video, which is already paid for,{where}",
            ConversionStep.Taken => "do nothing; the video was taken elsewhere",
            _ => $"leave '{plan.Path}' as it is; it is the video of this image",
        };
    }
}
