namespace KlingPS.Core.Model;

/// <summary>The models KlingPS can ask for, and what they cost.</summary>
public static class KlingModel
{
    /// <summary>Kling V2.5 Turbo Pro, image to video: the model this module exists for.</summary>
    public const string Default = "kling/v2-5-turbo-image-to-video-pro";

    /// <summary>The length of a video in seconds when none is asked for; the service's own default.</summary>
    public const int DefaultDuration = 5;

    /// <summary>The guidance scale when none is asked for; the service's own default.</summary>
    public const decimal DefaultCfgScale = 0.5m;

    /// <summary>The longest prompt in UTF-16 characters, by the page of the create request.</summary>
    public const int MaxPromptLength = 2500;

    /// <summary>The longest negative prompt in UTF-16 characters, by the page of the create request.</summary>
    public const int MaxNegativePromptLength = 2496;

    /// <summary>What one credit costs in US dollars.</summary>
    public const decimal DollarsPerCredit = 0.005m;

    /// <summary>Image-to-video models that take the same request, with their credits for 5 seconds; 10 seconds cost twice that.</summary>
    private static readonly Dictionary<string, decimal> s_creditsForFiveSeconds = new(StringComparer.Ordinal)
    {
        [Default] = 42,
        ["kling/v2-1-standard"] = 25,
        ["kling/v2-1-pro"] = 50,
        ["kling/v2-1-master-image-to-video"] = 160,
    };

    /// <summary>The ids of the known models, the default first.</summary>
    public static IReadOnlyCollection<string> Known => s_creditsForFiveSeconds.Keys;

    /// <summary>What a video costs, in credits.</summary>
    /// <param name="model">The model's id.</param>
    /// <param name="duration">The length in seconds: 5 or 10.</param>
    /// <returns>The credits; <see langword="null"/> for a model whose price is not known here.</returns>
    /// <remarks>Prices as observed with several clients: 42 and 84 credits for the default model. A failed task costs nothing.</remarks>
    public static decimal? CreditsFor(string model, int duration)
        => s_creditsForFiveSeconds.TryGetValue(model, out decimal credits) ? credits * duration / 5 : null;
}
