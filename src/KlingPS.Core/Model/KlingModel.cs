namespace KlingPS.Core.Model;

/// <summary>A model: what it takes, what it makes and what it costs.</summary>
public sealed record KlingModel
{
    /// <summary>The model's id.</summary>
    public required string Id { get; init; }

    /// <summary>What it makes videos from: image, tail image, reference images, video, audio, or nothing but a prompt.</summary>
    public required string[] MadeFrom { get; init; }

    /// <summary>The parameters that it takes, as they are called here.</summary>
    public required string[] Parameters { get; init; }

    /// <summary>The lengths of video that it makes, in seconds; empty if a video is as long as what it is made from.</summary>
    public required int[] Durations { get; init; }

    /// <summary>The aspect ratios that it makes; empty if it cannot be asked for one.</summary>
    public required string[] AspectRatios { get; init; }

    /// <summary>The resolutions that it makes; empty if it cannot be asked for one.</summary>
    public required string[] Resolutions { get; init; }

    /// <summary>The resolution if none is asked for.</summary>
    public string? DefaultResolution { get; init; }

    /// <summary>Whether it can be asked for sound.</summary>
    public required bool HasSound { get; init; }

    /// <summary>The longest prompt, in characters.</summary>
    public required int MaxPromptLength { get; init; }

    /// <summary>The longest negative prompt, in characters; 0 if it takes none.</summary>
    public required int MaxNegativePromptLength { get; init; }

    /// <summary>The length of video that <see cref="Credits"/> is for, in seconds.</summary>
    public required int Seconds { get; init; }

    /// <summary>The resolution that <see cref="Credits"/> is for.</summary>
    public string? Resolution { get; init; }

    /// <summary>Whether <see cref="Credits"/> is for a video with sound.</summary>
    public required bool Sound { get; init; }

    /// <summary>What such a video costs, in credits, by the pages of the service.</summary>
    public decimal? Credits { get; init; }

    /// <summary>The same for one second.</summary>
    public decimal? CreditsPerSecond => Credits / Seconds;

    /// <summary>The price is known as of this day.</summary>
    public DateOnly? PriceAsOf { get; init; }

    /// <summary>Where the price was read.</summary>
    public string? PriceSource { get; init; }

    /// <summary>What the service charged for the last video of this kind, if that is different; estimates use it.</summary>
    public decimal? ObservedCredits { get; init; }

    /// <summary>The day on which it did.</summary>
    public DateOnly? ObservedOn { get; init; }

    /// <summary>What the service says about the price; <see langword="null"/> unless it was asked.</summary>
    public string? OnlinePrice { get; init; }

    /// <summary>What the service says about the request: JSON as it sends it; <see langword="null"/> unless it was asked.</summary>
    public string? OnlineSchema { get; init; }

    /// <summary>What the service says about how often the model succeeds; <see langword="null"/> unless it was asked.</summary>
    public string? OnlineSuccessRate { get; init; }

    /// <summary>The model's id.</summary>
    public override string ToString() => Id;

    /// <summary>The video whose price is shown with a model.</summary>
    /// <param name="model">The model's row.</param>
    /// <param name="duration">The length of the video in seconds; the model's usual one when it is <see langword="null"/>.</param>
    /// <param name="resolution">Its resolution; the model's default when it is <see langword="null"/>.</param>
    /// <param name="sound">Whether it has sound.</param>
    /// <returns><see langword="null"/> if the model makes no such video.</returns>
    internal static VideoSpec? FindVideo(ModelSpec model, int? duration, string? resolution, bool sound)
    {
        ArgumentNullException.ThrowIfNull(model);
        bool isMade = (duration is not int seconds || model.TakesLengthOfInput || model.Durations.Contains(seconds))
            && (resolution is null || model.Resolutions.Contains(resolution))
            && (!sound || model.Takes(VideoParameter.Sound));
        return !isMade ? null : new VideoSpec
        {
            Model = model.Id,
            Prompt = null,
            Duration = model.TakesLengthOfInput ? null : duration,
            InputSeconds = model.TakesLengthOfInput ? duration ?? VideoSpec.DefaultDuration : null,
            Resolution = resolution,
            Sound = sound,
            Video = model.TakesLengthOfInput && model.Videos is not null ? MediaSource.FromUri(string.Empty) : null,
        };
    }

    /// <summary>Describes a model, with the price of a video.</summary>
    /// <param name="model">The model's row.</param>
    /// <param name="asked">See <see cref="FindVideo"/>.</param>
    /// <param name="last">The last finished video of the same kind.</param>
    internal static KlingModel From(ModelSpec model, VideoSpec asked, PaidVideo? last)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(asked);
        PriceEstimate estimate = PriceEstimate.Of(asked, last);
        VideoParameter[] takes = [.. Enum.GetValues<VideoParameter>().Where(model.Takes)];
        VideoParameter[] sources = [VideoParameter.Image, VideoParameter.TailImage, VideoParameter.ReferenceImages, VideoParameter.Video, VideoParameter.Audio];
        return new KlingModel
        {
            Id = model.Id,
            MadeFrom = [.. takes.Intersect(sources).Select(parameter => parameter.ToString()).DefaultIfEmpty(nameof(VideoParameter.Prompt))],
            Parameters = [.. takes.Select(parameter => parameter.ToString())],
            Durations = [.. model.Durations],
            AspectRatios = [.. model.AspectRatios],
            Resolutions = [.. model.Resolutions],
            DefaultResolution = model.DefaultResolution,
            HasSound = model.Takes(VideoParameter.Sound),
            MaxPromptLength = model.MaxPromptLength,
            MaxNegativePromptLength = model.MaxNegativePromptLength,
            Seconds = asked.Seconds,
            Resolution = model.GetResolution(asked),
            Sound = asked.Sound,
            Credits = model.GetCredits(asked),
            PriceAsOf = model.Price?.AsOf,
            PriceSource = model.Price?.Source,
            ObservedCredits = estimate.IsObserved ? estimate.Credits : null,
            ObservedOn = estimate.IsObserved ? estimate.AsOf : null,
        };
    }
}
