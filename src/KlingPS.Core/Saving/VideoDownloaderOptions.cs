namespace KlingPS.Core.Saving;

/// <summary>How patient a <see cref="VideoDownloader"/> is.</summary>
public sealed class VideoDownloaderOptions
{
    /// <summary>How long a connection may bring nothing before it counts as broken; 60 s unless set. More than zero.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How many attempts in a row may bring nothing new before the download is given up; 5 unless set. At least 1.</summary>
    public int MaxFruitlessAttempts { get; init; } = 5;
}
