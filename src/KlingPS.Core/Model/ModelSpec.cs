using System.Globalization;
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
    /// <summary>The model's id.</summary>
    public required string Id { get; init; }

    /// <summary>The fields of the request, in the order they are written in.</summary>
    public required IReadOnlyList<RequestField> Fields { get; init; }

    /// <summary>The longest prompt, in UTF-16 characters.</summary>
    public required int MaxPromptLength { get; init; }

    /// <summary>The longest negative prompt, in UTF-16 characters.</summary>
    public int MaxNegativePromptLength { get; init; }

    /// <summary>The lengths of video that it makes, in seconds.</summary>
    public required IReadOnlyList<int> Durations { get; init; }

    /// <summary>Which images it takes.</summary>
    public required ImageRules Images { get; init; }

    /// <summary>The price of a video that it can make, in credits; <see langword="null"/> where it is not known.</summary>
    public Func<VideoSpec, decimal>? Price { get; init; }

    /// <summary>Whether it takes a parameter.</summary>
    public bool Takes(VideoParameter parameter) => Fields.Any(field => field.Parameter == parameter);

    /// <summary>What a video costs, in credits; <see langword="null"/> where it is not known. A failed task costs nothing.</summary>
    public decimal? GetCredits(VideoSpec spec) => Price?.Invoke(spec);

    /// <summary>Refuses what the model would refuse, or ignore and bill.</summary>
    /// <param name="spec">What is asked of it, its texts as they were given.</param>
    /// <param name="prompt">How a message calls the prompt.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>, naming the parameter, its value and its range; and where the model lacks the parameter,
    /// the models that have it.
    /// </exception>
    public void Validate(VideoSpec spec, string prompt = "the prompt")
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (FindProblem(spec, prompt) is string problem)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"Nothing was bought for '{spec.Subject}': {problem}.");
        }
    }

    /// <summary>Refuses an image that other models may take but not this one.</summary>
    /// <param name="image">The image.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.ImageUnsupported"/>, and what to do about it.</exception>
    public void Validate(ImageReport image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (Images.FindProblem(image) is string problem)
        {
            throw new KlingException(ErrorKind.ImageUnsupported, $"{Id} does not take '{image.Path}'. {problem}");
        }
    }

    private string? FindProblem(VideoSpec spec, string prompt)
        => FindUnsupported(spec)
            ?? FindPromptProblem(prompt, spec.Prompt)
            ?? FindTextProblem("the negative prompt", spec.NegativePrompt, MaxNegativePromptLength)
            ?? FindDurationProblem(spec.Duration)
            ?? (spec.CfgScale is < 0 or > 1 ? string.Create(CultureInfo.InvariantCulture, $"the CFG scale is {spec.CfgScale}; {Id} takes 0 to 1") : null)
            ?? (spec.Image is null && Takes(VideoParameter.Image) ? $"there is no image; {Id} makes videos of images" : null)
            ?? FindUriProblem("image", GetGivenUri(spec.Image))
            ?? FindUriProblem("tail image", GetGivenUri(spec.TailImage))
            ?? FindUriProblem("callback", spec.CallbackUri);

    /// <summary>The first parameter that is given and that the model does not take; <see langword="null"/> if there is none.</summary>
    internal string? FindUnsupported(VideoSpec spec)
    {
        foreach (VideoParameter parameter in Enum.GetValues<VideoParameter>().Where(parameter => spec.Has(parameter) && !Takes(parameter)))
        {
            string[] others = [.. ModelCatalog.All.Where(model => model.Takes(parameter)).Select(model => model.Id)];
            string advice = others.Length == 0 ? "no model does" : $"these do: {string.Join(", ", others)}";
            return $"{Id} does not take a {GetName(parameter)} and would bill the video without it; {advice}";
        }

        return null;
    }

    private static string GetName(VideoParameter parameter) => parameter switch
    {
        VideoParameter.Prompt => "prompt",
        VideoParameter.NegativePrompt => "negative prompt",
        VideoParameter.Duration => "duration",
        VideoParameter.CfgScale => "CFG scale",
        VideoParameter.Image => "image",
        VideoParameter.TailImage => "tail image",
        _ => throw new ArgumentOutOfRangeException(nameof(parameter), parameter, null),
    };

    private string? FindPromptProblem(string name, string? text)
        => text is null || PromptText.Normalize(text).Length == 0
            ? $"{name} is empty; say in 1 to {MaxPromptLength} characters what happens in the video"
            : FindTextProblem(name, text, MaxPromptLength);

    /// <summary>What is wrong with a text. It is as long as the service gets it.</summary>
    private string? FindTextProblem(string name, string? text, int limit)
    {
        if (text is null)
        {
            return null;
        }

        string sent = PromptText.Normalize(text);
        string unit = sent.Any(char.IsSurrogate) ? "characters, where one outside Unicode's first plane, such as an emoji, counts as two" : "characters";
        return PromptText.FindProblem(text) is string damage ? $"{name} {damage}"
            : sent.Length > limit ? $"{name} has {sent.Length} {unit}; {Id} takes at most {limit}"
            : null;
    }

    private string? FindDurationProblem(int? duration)
        => duration is not int seconds || Durations.Contains(seconds)
            ? null
            : $"a video of {seconds} seconds cannot be made; {Id} makes videos of {string.Join(" or ", Durations)} seconds";

    /// <summary>The address that the user has given; not that of an upload.</summary>
    private static string? GetGivenUri(MediaSource? image) => image is { IsFile: false } ? image.Uri : null;

    private static string? FindUriProblem(string name, string? uri)
        => uri is null || (Uri.TryCreate(uri, UriKind.Absolute, out Uri? parsed) && (parsed.Scheme == Uri.UriSchemeHttps || parsed.Scheme == Uri.UriSchemeHttp))
            ? null
            : $"the {name} address '{ReceivedText.Cut(AddressPolicy.MaskUser(uri), 80)}' is not an absolute http or https address";
}
