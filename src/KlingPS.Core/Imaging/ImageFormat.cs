namespace KlingPS.Core.Imaging;

/// <summary>The image formats that the service takes, recognized by content and never by name.</summary>
public enum ImageFormat
{
    /// <summary>None of the formats that the service takes.</summary>
    Unknown,

    /// <summary>JPEG (<c>image/jpeg</c>).</summary>
    Jpeg,

    /// <summary>PNG (<c>image/png</c>).</summary>
    Png,

    /// <summary>WebP (<c>image/webp</c>): lossy, lossless or extended.</summary>
    WebP,
}
