using System.Globalization;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;
using KlingPS.Hosting;

namespace KlingPS.Text;

/// <summary>What is said about buying videos.</summary>
internal static class SubmissionText
{
    /// <summary>The progress of the batch, for the progress bar.</summary>
    /// <param name="counts">The counts.</param>
    /// <param name="waiting">The images that wait for the rate limit of the service, or until it takes requests again.</param>
    public static string DescribeProgress(BatchCounts counts, int waiting)
        => counts.Describe("accepted") + (waiting == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", {waiting} waiting to be sent"));

    /// <summary>What buying a video means, to be confirmed.</summary>
    public static string DescribePurchase(Submission submission)
        => $"Buy {DescribeVideo(submission.Spec)} {DescribePrice(submission)}";

    /// <summary>A video by its length. If that is the length of something at an address, nobody has measured it.</summary>
    public static string DescribeVideo(VideoSpec spec)
        => spec.KnownSeconds is int seconds ? string.Create(CultureInfo.InvariantCulture, $"a video of {seconds} seconds")
            : $"a video as long as its {(spec.Audio is null ? "input video" : "audio")}";

    /// <summary>What a video costs and how that is known, as the end of a sentence.</summary>
    public static string DescribePrice(Submission submission)
        => submission.Price is { Credits: not null } price ? $"{DescribePrice(price.Credits)} ({DescribeSource(price)})" : DescribePrice(submission.Credits);

    /// <summary>A price and how it is known, such as <c>42 credits for 5 seconds (price as of 2026-11-26)</c>.</summary>
    public static string DescribePrice(PriceEstimate price, int seconds)
        => string.Create(CultureInfo.InvariantCulture, $"{price.Credits:0.##} credits for {seconds} seconds ({DescribeSource(price)})");

    /// <summary>What a video costs, as the end of a sentence.</summary>
    /// <param name="credits">The credits; <see langword="null"/> if they are not known.</param>
    public static string DescribePrice(decimal? credits)
        => credits is decimal price ? string.Create(CultureInfo.InvariantCulture, $"for {price:0.##} credits") : "at a price that is not known here";

    /// <summary>How much the account lacks to pay for videos, as far as that is known without asking; <see langword="null"/> if it has enough.</summary>
    /// <param name="credits">What the videos cost.</param>
    /// <param name="balance">What the account had when it was last asked.</param>
    public static string? DescribeShortage(decimal credits, AccountBalance? balance)
        => balance is null || balance.Credits >= credits ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"These videos cost {credits:0.###} credits, and the account had {balance.Credits:0.###} left at {balance.At.ToLocalTime():HH:mm}. A run would go on as far as the credits reach. Credits are added at https://kie.ai/billing.");

    private static string DescribeSource(PriceEstimate price)
        => string.Create(CultureInfo.InvariantCulture, $"{(price.IsObserved ? "what the service took on" : "price as of")} {price.AsOf:yyyy-MM-dd}");

    /// <summary>The error that ends a batch, with what was bought before it.</summary>
    /// <param name="error">The error.</param>
    /// <param name="counts">The counts of the batch.</param>
    /// <param name="unknown">For how many videos it is not known whether they were bought.</param>
    public static KlingException CreateEnding(KlingException error, BatchCounts counts, int unknown)
    {
        string bought = counts.Done > 0 ? $" {counts.Done} of {counts.Fed} videos {(counts.Done == 1 ? "was bought before and is" : "were bought before and are")} being made." : string.Empty;
        string open = unknown switch
        {
            0 => string.Empty,
            1 => " It is not known whether 1 video was bought; Get-KlingVideoTask -State Unknown shows it.",
            _ => $" It is not known whether {unknown} videos were bought; Get-KlingVideoTask -State Unknown shows them.",
        };
        return error.WithMessage(error.Message + bought + open);
    }
}
