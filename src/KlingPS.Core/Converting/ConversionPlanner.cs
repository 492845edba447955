using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Converting;

/// <summary>Finds out what would be done for the images of a batch.</summary>
/// <param name="session">The account and its ledger.</param>
/// <param name="submitter">Knows what has been bought.</param>
/// <param name="preparer">Looks at one image.</param>
internal sealed class ConversionPlanner(KlingSession session, VideoSubmitter submitter, ConversionPreparer preparer)
{
    /// <summary>What would be bought, by what makes two purchases the same, with its price.</summary>
    private readonly Dictionary<string, decimal?> _planned = [];

    /// <summary>Finds out what would be done for an image; sends nothing. What it would buy counts as bought when later images are planned.</summary>
    /// <param name="item">The image, as <see cref="VideoConverter.Accept"/> has taken it.</param>
    /// <param name="isWhatIf">Whether no plan is carried out; only then is it known whether this one keeps to the day's limit.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException">It could not be converted; the message says why.</exception>
    public async Task<ConversionPlan> PlanAsync(ConversionItem item, bool isWhatIf, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(item);
        PreparedConversion prepared = await preparer.PrepareAsync(item, isAboutToWrite: false, cancellationToken).ConfigureAwait(false);
        IdentifiedSubmission identified = prepared.Identified;
        ConversionStep step = prepared.Earlier?.TaskState switch
        {
            _ when prepared.HasVideo => ConversionStep.Nothing,
            _ when prepared.IsTaken => ConversionStep.Taken,
            KlingTaskState.Succeeded => ConversionStep.Download,
            null when _planned.TryAdd(identified.Identity, identified.Submission.Credits) => ConversionStep.Buy,
            _ => ConversionStep.Wait,
        };
        return new ConversionPlan(step, identified.Submission, prepared.Output?.Path)
        {
            Identity = identified.Identity,
            Task = prepared.Earlier ?? (step == ConversionStep.Buy ? await AgreedPlan.FindFailedAsync(session, identified, cancellationToken).ConfigureAwait(false) : null),
            Remark = prepared.Remark ?? (step == ConversionStep.Buy && identified.EarlierVersion is { } earlier ? earlier.ToString() : null),
            IsOverDailyCap = isWhatIf
                && step == ConversionStep.Buy
                && !await submitter.IsWithinDailyCapAsync(identified, SumPlanned(), cancellationToken).ConfigureAwait(false),
        };
    }

    /// <summary>What everything that is planned would cost; <see langword="null"/> if the price of any of it is not known.</summary>
    private decimal? SumPlanned() => _planned.Values.Aggregate((decimal?)0, (sum, price) => sum + price);

    /// <summary>Takes back that a video would be bought: other images of the same content cannot count on it.</summary>
    public void Decline(ConversionPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _planned.Remove(plan.Identity);
    }
}
