namespace KlingPS.Core.Model;

/// <summary>A finished video and what the service charged for it.</summary>
/// <param name="Spec">What was asked for.</param>
/// <param name="Credits">What it cost, in credits; more than 0.</param>
/// <param name="PaidAt">When it was finished.</param>
internal sealed record PaidVideo(VideoSpec Spec, decimal Credits, DateTimeOffset PaidAt);

/// <summary>What a video is expected to cost, and how that is known.</summary>
/// <param name="Credits">The credits; <see langword="null"/> if they are not known.</param>
/// <param name="AsOf">The day of the price.</param>
/// <param name="IsObserved">Whether it is what the service charged for the last video of this kind; otherwise it is the price of the model's row.</param>
internal sealed record PriceEstimate(decimal? Credits, DateOnly? AsOf, bool IsObserved)
{
    /// <summary>
    /// What a video is expected to cost: as the model's row says, unless the service has since charged something else for the last video of
    /// this kind.
    /// </summary>
    /// <param name="spec">The video.</param>
    /// <param name="paid">Finished videos of the model, latest first.</param>
    public static PriceEstimate Of(VideoSpec spec, IEnumerable<PaidVideo> paid)
    {
        ModelSpec model = ModelCatalog.Get(spec.Model);
        var row = new PriceEstimate(model.GetCredits(spec), model.Price?.AsOf, IsObserved: false);
        if (paid.FirstOrDefault(video => IsAlike(model, spec, video.Spec) && IsSince(video, row.AsOf)) is not PaidVideo last)
        {
            return row;
        }

        // Only videos that are as long as a file seldom have the same length.
        decimal credits = last.Spec.Seconds == spec.Seconds ? last.Credits : decimal.Round(last.Credits * spec.Seconds / last.Spec.Seconds, 2);
        bool isKnown = !model.TakesLengthOfInput || spec.InputSeconds is not null;
        return !isKnown || credits == row.Credits ? row : new PriceEstimate(credits, DateOnly.FromDateTime(last.PaidAt.UtcDateTime), IsObserved: true);
    }

    /// <summary>Whether everything that a price depends on is the same.</summary>
    private static bool IsAlike(ModelSpec model, VideoSpec one, VideoSpec other)
        => model.GetResolution(one) == model.GetResolution(other)
            && one.Sound == other.Sound
            && (one.Video is null) == (other.Video is null)
            && (model.TakesLengthOfInput || one.Seconds == other.Seconds);

    /// <summary>A later version knows a later price.</summary>
    private static bool IsSince(PaidVideo video, DateOnly? day) => day is null || DateOnly.FromDateTime(video.PaidAt.UtcDateTime) >= day;
}
