namespace KlingPS.Sandbox.State;

/// <summary>
/// What a model accepts and costs: prompt lengths in characters, whether it takes <c>tail_image_url</c> (the others
/// ignore the field), and the credits for 5 seconds; 10 seconds cost twice as much.
/// </summary>
internal sealed record ModelRules(int MaxPrompt, int MaxNegativePrompt, bool TakesTailImage, decimal Credits)
{
    /// <summary>The image-to-video models of the 2.x family, which share one request format.</summary>
    internal static IReadOnlyDictionary<string, ModelRules> All { get; } = new Dictionary<string, ModelRules>
    {
        ["kling/v2-5-turbo-image-to-video-pro"] = new(2500, 2496, true, 42.0m),
        ["kling/v2-1-standard"] = new(5000, 500, false, 25.0m),
        ["kling/v2-1-pro"] = new(5000, 500, true, 50.0m),
        ["kling/v2-1-master-image-to-video"] = new(5000, 500, false, 160.0m),
    };
}
