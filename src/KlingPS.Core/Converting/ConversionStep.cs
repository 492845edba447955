namespace KlingPS.Core.Converting;

/// <summary>What has to be done for an image to have its video.</summary>
public enum ConversionStep
{
    /// <summary>The video has to be bought. The only step that costs something.</summary>
    Buy,

    /// <summary>It is paid for and is being made.</summary>
    Wait,

    /// <summary>It is paid for and finished, but not where it belongs.</summary>
    Download,

    /// <summary>It is there.</summary>
    Nothing,
}
