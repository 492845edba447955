using System.Globalization;
using KlingPS.Core.Clips;
using KlingPS.Core.Imaging;
using KlingPS.Core.Network;

namespace KlingPS.Core.Model;

/// <summary>One model: what it takes, what it costs, and how its request is written. The rows are in <see cref="ModelCatalog"/>.</summary>
/// <remarks>
/// A model takes a parameter exactly when its request has a field for it, so what cannot be sent cannot be asked for either: the
/// service ignores fields that it does not know, and bills the video without them.
/// </remarks>
internal sealed record ModelSpec
{
    /// <summary>How the error of a video begins that was to be bought.</summary>
    public const string NotBought = "Nothing was bought";

    /// <summary>Longer than the id of any model.</summary>
    private const int MaxIdLength = 200;

    /// <summary>Longer than the name of any file.</summary>
    private const int MaxNameLength = 1000;

    /// <summary>The model's id.</summary>
    public required string Id { get; init; }

    /// <summary>The fields of the request, in the order they are written in.</summary>
    public required IReadOnlyList<RequestField> Fields { get; init; }

    /// <summary>The longest prompt, in UTF-16 characters.</summary>
    public required int MaxPromptLength { get; init; }

    /// <summary>Whether a video can be asked for without a prompt.</summary>
    public bool IsPromptOptional { get; init; }

    /// <summary>The longest negative prompt, in UTF-16 characters.</summary>
    public int MaxNegativePromptLength { get; init; }

    /// <summary>What a request needs: at least one of each group.</summary>
    public IReadOnlyList<IReadOnlyList<VideoParameter>> Needs { get; init; } = [];

    /// <summary>The lengths of video that it makes, in seconds, the shortest first; empty if a video is as long as what it is made from.</summary>
    public IReadOnlyList<int> Durations { get; init; } = [];

    /// <summary>The aspect ratios that it makes, such as <c>16:9</c>.</summary>
    public IReadOnlyList<string> AspectRatios { get; init; } = [];

    /// <summary>The aspect ratio if none is asked for; <see langword="null"/> if it is that of the image. Part of the identity of what was bought: never to be changed.</summary>
    public string? DefaultAspectRatio { get; init; }

    /// <summary>Whether an aspect ratio can only be asked for without an image, because the video has that of the image.</summary>
    public bool TakesAspectRatioOfImage { get; init; }

    /// <summary>The resolutions that it makes, of <see cref="VideoResolution"/>.</summary>
    public IReadOnlyList<string> Resolutions { get; init; } = [];

    /// <summary>The resolution if none is asked for. Part of the identity of what was bought: never to be changed.</summary>
    public string? DefaultResolution { get; init; }

    /// <summary>Whether a video is made with sound only if it is not made from a video.</summary>
    public bool HasSoundWithoutVideoOnly { get; init; }

    /// <summary>Which images it takes; <see langword="null"/> if none.</summary>
    public ImageRules? Images { get; init; }

    /// <summary>How many images it takes in all.</summary>
    public int MaxImages { get; init; } = 1;

    /// <summary>How many it takes besides a video.</summary>
    public int MaxImagesWithVideo { get; init; } = 1;

    /// <summary>Which videos it takes; <see langword="null"/> if none.</summary>
    public ClipRules? Videos { get; init; }

    /// <summary>Which audio files it takes; <see langword="null"/> if none.</summary>
    public ClipRules? Audios { get; init; }

    /// <summary>What it costs; <see langword="null"/> if that is not known.</summary>
    public ModelPrice? Price { get; init; }

    /// <summary>Whether a video is as long as the video or audio that it is made from.</summary>
    public bool TakesLengthOfInput => Durations.Count == 0;

    /// <summary>Whether it makes no video without an image.</summary>
    public bool NeedsImage => Needs.Any(group => group is [VideoParameter.Image]);

    /// <summary>Whether it takes a parameter.</summary>
    public bool Takes(VideoParameter parameter) => Fields.Any(field => field.Says(parameter));

    /// <summary>The resolution that a video is made in.</summary>
    public string? GetResolution(VideoSpec spec) => spec.Resolution ?? DefaultResolution;

    /// <summary>The aspect ratio that is asked for, if one is.</summary>
    public string? GetAspectRatio(VideoSpec spec) => TakesAspectRatioOfImage && spec.Image is not null ? null : spec.AspectRatio ?? DefaultAspectRatio;

    /// <summary>What a video costs, in credits; <see langword="null"/> if it is not known, for example because its length is that of a file that has not been read. A failed task costs nothing.</summary>
    public decimal? GetCredits(VideoSpec spec)
        => Price is null || !spec.IsLengthKnown
            ? null
            : VideoPrice.Plain(Price.CreditsPerSecond(new PriceFactors(GetResolution(spec), spec.Sound, spec.Video is not null)) * spec.Seconds);

    /// <summary>Refuses what the model would refuse, or ignore and bill.</summary>
    /// <param name="spec">What is asked of it, its texts as they were given.</param>
    /// <param name="prompt">What a message calls the prompt.</param>
    /// <param name="refusal">How the message begins.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>, naming the parameter, its value and its range; and if the model lacks the parameter,
    /// the models that have it.
    /// </exception>
    public void Validate(VideoSpec spec, string prompt = "the prompt", string refusal = NotBought)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (FindProblem(spec, prompt) is string problem)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"{refusal} for {(spec.Subject.Length == 0 ? "a row that names no image" : $"'{spec.Subject}'")}: {problem}.");
        }
    }

    /// <summary>Refuses an image that other models may take but not this one.</summary>
    /// <param name="image">The image.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.ImageUnsupported"/>, and what to do about it.</exception>
    public void Validate(ImageReport image)
    {
        ArgumentNullException.ThrowIfNull(image);
        Require(image.Path, Images?.FindProblem(image));
    }

    private void Require(string path, string? problem)
    {
        if (problem is not null)
        {
            throw new KlingException(ErrorKind.ImageUnsupported, $"{Id} does not take '{path}'. {problem}");
        }
    }

    private string? FindProblem(VideoSpec spec, string prompt)
        => FindIdProblem()
            ?? FindUnsupported(spec)
            ?? FindPromptProblem(prompt, spec.Prompt)
            ?? FindTextProblem("the negative prompt", spec.NegativePrompt, MaxNegativePromptLength)
            ?? FindDurationProblem(spec.Duration)
            ?? FindAspectRatioProblem(spec)
            ?? FindResolutionProblem(spec.Resolution)
            ?? FindSoundProblem(spec)
            ?? (spec.CfgScale is < 0 or > 1 ? string.Create(CultureInfo.InvariantCulture, $"the CFG scale is {spec.CfgScale}; {Id} takes 0 to 1") : null)
            ?? FindOrientationProblem(spec.CharacterOrientation)
            ?? FindMissing(spec)
            ?? FindImageCountProblem(spec)
            ?? FindNameProblem(spec.Name)
            ?? spec.Sources.Select(source => FindSourceProblem(GetPlainName(source.Parameter), source.Source)).FirstOrDefault(problem => problem is not null)
            ?? FindUriProblem("callback", spec.CallbackUri);

    /// <summary>The largest image that it takes, in bytes.</summary>
    public long MaxImageLength => Images?.MaxLength ?? ImageInspector.MaximumLength;

    /// <summary>What was found out about an image, with what this model would refuse about it.</summary>
    /// <param name="image">The image, as it was inspected for this model.</param>
    public ImageReport Judge(ImageReport image)
    {
        ArgumentNullException.ThrowIfNull(image);
        string? problem = Images is null ? $"{Id} makes videos without an image." : image.IsSupported ? Images.FindProblem(image) : null;
        return problem is null ? image : image with { Problems = [.. image.Problems, problem] };
    }

    /// <summary>Refuses a video that the model does not take.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.ImageUnsupported"/>, and what to do about it.</exception>
    public void ValidateVideo(ClipReport clip)
        => Require(clip.Path, clip.IsVideo ? Videos?.FindProblem(clip) : "It is not a video in MP4 or MOV; convert it first.");

    /// <summary>Refuses an audio file that the model does not take.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.ImageUnsupported"/>, and what to do about it.</exception>
    public void ValidateAudio(ClipReport clip)
        => Require(clip.Path, clip.IsAudio ? Audios?.FindProblem(clip) : "It is not audio in MP3 or WAV; convert it first.");

    /// <summary>The first parameter that is given and that the model does not take; <see langword="null"/> if there is none.</summary>
    internal string? FindUnsupported(VideoSpec spec)
    {
        foreach (VideoParameter parameter in Enum.GetValues<VideoParameter>().Where(parameter => spec.Has(parameter) && !Takes(parameter)))
        {
            string[] others = [.. ModelCatalog.All.Where(model => model.Takes(parameter)).Select(model => model.Id)];
            string advice = others.Length == 0 ? "no model does" : $"these do: {string.Join(", ", others)}";
            return parameter == VideoParameter.Duration && TakesLengthOfInput
                ? $"{Id} does not take a duration: its videos are as long as the {(Takes(VideoParameter.Audio) ? "audio" : "video")} they are made from; {advice}"
                : $"{Id} does not take {GetName(parameter)} and would bill the video without it; {advice}";
        }

        return null;
    }

    /// <summary>The seconds of <see cref="Durations"/> in words, such as <c>5 or 10</c>.</summary>
    internal string DescribeDurations()
        => Durations.Count > 2 && Durations[^1] - Durations[0] == Durations.Count - 1 ? $"{Durations[0]} to {Durations[^1]}" : string.Join(" or ", Durations);

    /// <summary>What a message calls a parameter, without its article.</summary>
    private static string GetPlainName(VideoParameter parameter) => parameter switch
    {
        VideoParameter.Prompt => "prompt",
        VideoParameter.NegativePrompt => "negative prompt",
        VideoParameter.Duration => "duration",
        VideoParameter.AspectRatio => "aspect ratio",
        VideoParameter.Resolution => "resolution",
        VideoParameter.Sound => "sound",
        VideoParameter.CfgScale => "CFG scale",
        VideoParameter.Image => "image",
        VideoParameter.TailImage => "tail image",
        VideoParameter.ReferenceImages => "reference image",
        VideoParameter.Video => "video",
        VideoParameter.Audio => "audio",
        VideoParameter.CharacterOrientation => "character orientation",
        _ => throw new ArgumentOutOfRangeException(nameof(parameter), parameter, null),
    };

    private static string GetName(VideoParameter parameter) => parameter switch
    {
        VideoParameter.Sound => "sound",
        VideoParameter.Audio => "an audio file",
        VideoParameter.AspectRatio or VideoParameter.Image => $"an {GetPlainName(parameter)}",
        _ => $"a {GetPlainName(parameter)}",
    };

    private string? FindPromptProblem(string name, string? text)
        => text is not null && PromptText.Normalize(text).Length > 0 ? FindTextProblem(name, text, MaxPromptLength)
            : IsPromptOptional ? null
            : $"{name} is empty; say in 1 to {MaxPromptLength} characters what happens in the video";

    /// <summary>What is wrong with a text. It is as long as the service gets it.</summary>
    private string? FindTextProblem(string name, string? text, int limit)
    {
        if (text is null)
        {
            return null;
        }

        string sent = PromptText.Normalize(text);
        string unit = sent.Any(char.IsSurrogate) ? "characters, an emoji counting as two" : "characters";
        return PromptText.FindProblem(text) is string damage ? $"{name} {damage}"
            : sent.Length > limit ? $"{name} has {sent.Length} {unit}; {Id} takes at most {limit}"
            : null;
    }

    private string? FindDurationProblem(int? duration)
        => duration is not int seconds || Durations.Contains(seconds)
            ? null
            : $"a video of {seconds} seconds cannot be made; {Id} makes videos of {DescribeDurations()} seconds";

    private string? FindAspectRatioProblem(VideoSpec spec)
    {
        if (spec.AspectRatio is not string ratio)
        {
            return null;
        }

        if (TakesAspectRatioOfImage && spec.Image is not null)
        {
            return $"an aspect ratio can only be asked for without an image, because {Id} makes videos that have the aspect ratio of the image; leave -AspectRatio out, or crop the image";
        }

        return AspectRatios.Contains(ratio) ? null : $"the aspect ratio is {ratio}; {Id} makes {Join(AspectRatios)}";
    }

    private string? FindResolutionProblem(string? resolution)
        => resolution is null || Resolutions.Contains(resolution) ? null : $"the resolution is {resolution}; {Id} makes {Join(Resolutions)}";

    private string? FindSoundProblem(VideoSpec spec)
        => spec.Sound && HasSoundWithoutVideoOnly && spec.Video is not null
            ? $"sound cannot be asked for where a video is made from a video; {Id} would refuse it, so leave -Sound out"
            : null;

    private string? FindOrientationProblem(string? orientation)
        => orientation is null || CharacterOrientations.All.Contains(orientation)
            ? null
            : $"the character orientation is {orientation}; {Id} takes {Join(CharacterOrientations.All)}";

    private string? FindMissing(VideoSpec spec)
    {
        foreach (IReadOnlyList<VideoParameter> group in Needs.Where(group => !group.Any(spec.Has)))
        {
            string what = string.Join(" and no ", group.Select(GetPlainName));
            if (spec.Main is null && group is [VideoParameter.Image])
            {
                string[] others = [.. ModelCatalog.All.Where(model => model.Needs.Count == 0).Select(model => model.Id)];
                return $"there is no image, and {Id} makes videos of images. Name one with -Path, or choose a -Model that needs none: {string.Join(", ", others)}";
            }

            return $"there is no {what}; {Id} makes videos of {string.Join(" and ", Needs.Select(need => string.Join(" or ", need.Select(GetPlural))))}";
        }

        return spec.TailImage is not null && spec.Image is null ? "there is a tail image and no image that the video could begin with" : null;
    }

    private static string GetPlural(VideoParameter parameter) => parameter == VideoParameter.Audio ? "audio" : GetPlainName(parameter) + "s";

    private string? FindImageCountProblem(VideoSpec spec)
    {
        int count = (spec.Image is null ? 0 : 1) + spec.ReferenceImages.Count;
        int most = spec.Video is null ? MaxImages : MaxImagesWithVideo;
        return count <= most || spec.ReferenceImages.Count == 0 ? null
            : $"there are {count} images; {Id} takes at most {most}{(spec.Video is null ? string.Empty : " besides a video")}";
    }

    private static string Join(IReadOnlyList<string> values) => values.Count < 2 ? string.Concat(values) : $"{string.Join(", ", values.SkipLast(1))} and {values[^1]}";

    /// <summary>A model that came after this version may be asked for as well; what cannot be the id of any is not sent.</summary>
    private string? FindIdProblem()
        => PromptText.FindDamage(Id) is string damage ? $"the id of the model {damage}"
            : Id.Length <= MaxIdLength && Id.All(c => c is > ' ' and < '\u007F') ? null
            : $"'{ReceivedText.Cut(Id, 80)}' cannot be the id of a model, which has letters, digits and signs such as '/' and '-', and no blanks; Get-KlingModel lists the known ones";

    private static string? FindNameProblem(string? name)
        => name is null ? null
            : PromptText.FindDamage(name) is string damage ? $"the name {damage}"
            : name.Length > MaxNameLength ? $"the name has {name.Length} characters; a video is called by at most {MaxNameLength}"
            : null;

    /// <summary>What is wrong with an address that the user has given, or with the path that it was uploaded from. The address of an upload is not the user's.</summary>
    private static string? FindSourceProblem(string name, MediaSource source)
        => source.IsFile ? null
            : FindUriProblem(name, source.Uri)
            ?? (source.Path is string path && PromptText.FindDamage(path) is string damage ? $"the path of the file that was uploaded as the {name} {damage}" : null);

    private static string? FindUriProblem(string name, string? uri)
        => uri is null ? null
            : PromptText.FindDamage(uri) is string damage ? $"the {name} address {damage}"
            : uri.AsSpan().IndexOfAnyInRange('\0', '\u001F') is >= 0 and int at ? $"the {name} address has a line break or a tab {PromptText.Locate(uri, at)}: an address is one line without blanks"
            : (Uri.TryCreate(uri, UriKind.Absolute, out Uri? parsed) && (parsed.Scheme == Uri.UriSchemeHttps || parsed.Scheme == Uri.UriSchemeHttp))
            ? null
            : $"the {name} address '{ReceivedText.Cut(AddressPolicy.MaskUser(uri), 80)}' is not an absolute http or https address";
}
