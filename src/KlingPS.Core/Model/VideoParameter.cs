namespace KlingPS.Core.Model;

/// <summary>What can be asked for of a video, in the words of this module. <see cref="RequestField"/> says what a model's request calls it.</summary>
internal enum VideoParameter
{
    /// <summary>See <see cref="VideoSpec.Prompt"/>.</summary>
    Prompt,

    /// <summary>See <see cref="VideoSpec.NegativePrompt"/>.</summary>
    NegativePrompt,

    /// <summary>See <see cref="VideoSpec.Duration"/>.</summary>
    Duration,

    /// <summary>See <see cref="VideoSpec.AspectRatio"/>.</summary>
    AspectRatio,

    /// <summary>See <see cref="VideoSpec.Resolution"/>.</summary>
    Resolution,

    /// <summary>See <see cref="VideoSpec.Sound"/>.</summary>
    Sound,

    /// <summary>See <see cref="VideoSpec.CfgScale"/>.</summary>
    CfgScale,

    /// <summary>See <see cref="VideoSpec.Image"/>.</summary>
    Image,

    /// <summary>See <see cref="VideoSpec.TailImage"/>.</summary>
    TailImage,

    /// <summary>See <see cref="VideoSpec.ReferenceImages"/>.</summary>
    ReferenceImages,

    /// <summary>See <see cref="VideoSpec.Video"/>.</summary>
    Video,

    /// <summary>See <see cref="VideoSpec.Audio"/>.</summary>
    Audio,

    /// <summary>See <see cref="VideoSpec.CharacterOrientation"/>.</summary>
    CharacterOrientation,
}
