namespace KlingPS.Core.Model;

/// <summary>What can be asked for of a video, in the words of this module. How a model's request calls it is said by <see cref="RequestField"/>.</summary>
internal enum VideoParameter
{
    /// <summary>See <see cref="VideoSpec.Prompt"/>.</summary>
    Prompt,

    /// <summary>See <see cref="VideoSpec.NegativePrompt"/>.</summary>
    NegativePrompt,

    /// <summary>See <see cref="VideoSpec.Duration"/>.</summary>
    Duration,

    /// <summary>See <see cref="VideoSpec.CfgScale"/>.</summary>
    CfgScale,

    /// <summary>See <see cref="VideoSpec.Image"/>.</summary>
    Image,

    /// <summary>See <see cref="VideoSpec.TailImage"/>.</summary>
    TailImage,
}

/// <summary>One field of the <c>input</c> of a model's create request.</summary>
/// <param name="Name">Its name on the wire.</param>
/// <param name="Parameter">What it says.</param>
internal sealed record RequestField(string Name, VideoParameter Parameter);
