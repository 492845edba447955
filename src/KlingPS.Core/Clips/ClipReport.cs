namespace KlingPS.Core.Clips;

/// <summary>What can be said about a video or an audio file from its size and its headers.</summary>
internal sealed record ClipReport
{
    /// <summary>The file, as the caller named it.</summary>
    public required string Path { get; init; }

    /// <summary>The format of the content.</summary>
    public required ClipFormat Format { get; init; }

    /// <summary>The size of the file in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>Its length in seconds; <see langword="null"/> if its header does not say.</summary>
    public decimal? Seconds { get; init; }

    /// <summary>The width in pixels; <see langword="null"/> without a picture.</summary>
    public int? Width { get; init; }

    /// <summary>The height in pixels; <see langword="null"/> without a picture.</summary>
    public int? Height { get; init; }

    /// <summary>Frames per second; <see langword="null"/> without a picture.</summary>
    public decimal? FrameRate { get; init; }

    /// <summary>Whether it is a video.</summary>
    public bool IsVideo => Format is ClipFormat.Mp4 or ClipFormat.QuickTime;

    /// <summary>Whether it is an audio file.</summary>
    public bool IsAudio => Format is ClipFormat.Wave or ClipFormat.Mp3;

    /// <summary>The media type to upload the file with.</summary>
    public string MimeType => Format switch
    {
        ClipFormat.Mp4 => "video/mp4",
        ClipFormat.QuickTime => "video/quicktime",
        ClipFormat.Wave => "audio/wav",
        ClipFormat.Mp3 => "audio/mpeg",
        _ => "application/octet-stream",
    };

    /// <summary>The extension that goes with <see cref="MimeType"/>.</summary>
    public string Extension => Format switch
    {
        ClipFormat.Mp4 => ".mp4",
        ClipFormat.QuickTime => ".mov",
        ClipFormat.Wave => ".wav",
        ClipFormat.Mp3 => ".mp3",
        _ => string.Empty,
    };
}
