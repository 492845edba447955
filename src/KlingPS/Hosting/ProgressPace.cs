namespace KlingPS.Hosting;

/// <summary>
/// When the commands of a runspace, which share one screen, last drew their progress. The console holds back a record that comes
/// sooner than 0.2 seconds after another, and does not show it until the next one.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class ProgressPace(TimeProvider time)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    private long? _drawn;

    /// <summary>The clock.</summary>
    public TimeProvider Time => time;

    /// <summary>How long to wait before anything is drawn; zero or less if nothing is to be waited for.</summary>
    public TimeSpan Rest => _drawn is long drawn ? s_pause - time.GetElapsedTime(drawn) : TimeSpan.Zero;

    /// <summary>Something is drawn now.</summary>
    public void OnDrawn() => _drawn = time.GetTimestamp();
}
