namespace KlingPS.Core.Model;

/// <summary>A finished video and what the service charged for it.</summary>
/// <param name="Spec">What was asked for.</param>
/// <param name="Credits">What it cost, in credits; more than 0.</param>
/// <param name="PaidAt">When it was finished.</param>
internal sealed record PaidVideo(VideoSpec Spec, decimal Credits, DateTimeOffset PaidAt);

/// <summary>All that the price of a video depends on: videos of one kind cost the same, or the same for a second where they are as long as a file.</summary>
/// <param name="Model">The model's id.</param>
/// <param name="Resolution">Its resolution.</param>
/// <param name="Sound">Whether it has sound.</param>
/// <param name="IsFromVideo">Whether it is made from a video.</param>
/// <param name="Seconds">Its length; <see langword="null"/> for a model whose videos are as long as a file.</param>
internal sealed record PriceKind(string Model, string? Resolution, bool Sound, bool IsFromVideo, int? Seconds)
{
    /// <summary>The kind of a video.</summary>
    public static PriceKind Of(VideoSpec spec)
    {
        ModelSpec model = ModelCatalog.Get(spec.Model);
        return new PriceKind(spec.Model, model.GetResolution(spec), spec.Sound, spec.Video is not null, model.TakesLengthOfInput ? null : spec.Seconds);
    }
}

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
    /// <param name="last">The last finished video of this kind; see <see cref="PriceKind"/>.</param>
    public static PriceEstimate Of(VideoSpec spec, PaidVideo? last)
    {
        ModelSpec model = ModelCatalog.Get(spec.Model);
        var row = new PriceEstimate(model.GetCredits(spec), model.Price?.AsOf, IsObserved: false);
        if (last is null || last.PaidAt < UpToDateFrom(spec.Model))
        {
            return row;
        }

        // Only videos that are as long as a file seldom have the same length.
        decimal credits = last.Spec.Seconds == spec.Seconds ? last.Credits : decimal.Round(last.Credits * spec.Seconds / last.Spec.Seconds, 2);
        return !spec.IsLengthKnown || credits == row.Credits ? row : new PriceEstimate(credits, DateOnly.FromDateTime(last.PaidAt.UtcDateTime), IsObserved: true);
    }

    /// <summary>What was paid before the price of the model's row was read is out of date.</summary>
    /// <param name="model">The model's id.</param>
    /// <returns>The beginning of that day, in UTC; <see cref="DateTimeOffset.UnixEpoch"/> if the row has no price.</returns>
    public static DateTimeOffset UpToDateFrom(string model)
        => ModelCatalog.Get(model).Price is ModelPrice price ? new DateTimeOffset(price.AsOf, TimeOnly.MinValue, TimeSpan.Zero) : DateTimeOffset.UnixEpoch;
}
