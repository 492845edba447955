namespace KlingPS.Core.Clips;

/// <summary>The formats of video and audio that are known here, recognized by content and never by name.</summary>
internal enum ClipFormat
{
    /// <summary>None of them.</summary>
    Unknown,

    /// <summary>A video in MP4.</summary>
    Mp4,

    /// <summary>A video in QuickTime's own format.</summary>
    QuickTime,

    /// <summary>Audio in WAV.</summary>
    Wave,

    /// <summary>Audio in MP3.</summary>
    Mp3,
}
