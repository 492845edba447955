using System.Collections.Concurrent;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Waiting;

/// <summary>Knows which videos are being made, and foresees how long a command will take. Safe for concurrent use.</summary>
/// <param name="session">Knows how long videos take.</param>
/// <param name="limit">The most tasks at the same time; <see langword="null"/> for no limit.</param>
internal sealed class VideoForecast(KlingSession session, int? limit)
{
    private readonly ConcurrentDictionary<long, Making> _making = new();
    private readonly RecentSends _sent = new(session.TimeProvider);
    private volatile KlingVideoTask? _last;

    /// <summary>Called when a request was accepted.</summary>
    public void OnSent(KlingVideoTask task)
    {
        _last = task;
        _sent.Add();
    }

    /// <summary>Called when a video is being made.</summary>
    /// <param name="task">Its task.</param>
    /// <param name="holdsPlace">Whether it counts against the limit of tasks at the same time.</param>
    public void OnMaking(KlingVideoTask task, bool holdsPlace)
    {
        ArgumentNullException.ThrowIfNull(task);
        _last ??= task;
        _making[task.Id] = new Making(task, task.StartedAt(session.TimeProvider), holdsPlace);
    }

    /// <summary>Called when a video is no longer being made, or no longer waited for.</summary>
    public void OnMade(KlingVideoTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        _making.TryRemove(task.Id, out _);
    }

    /// <summary>How long it will still take, as far as that is known.</summary>
    /// <param name="toSend">Images whose request has not been accepted, and those for which it is not known yet whether they need one.</param>
    public TimeSpan? FindRemaining(int toSend)
    {
        var now = Instant.Now(session.TimeProvider);
        return _last is not KlingVideoTask last ? null : new BatchForecast
        {
            ToSend = toSend,
            Sent = _sent.Ages,
            Running = [.. _making.Values.Select(making => new RunningVideo(now - making.Since, TimesOf(making.Task), making.HoldsPlace))],
            Times = TimesOf(last),
            Limit = limit,
        }.FindRemaining();
    }

    private DurationDistribution TimesOf(KlingVideoTask task) => session.GenerationTimes.Get(task.Model, task.Spec.Seconds);

    private sealed record Making(KlingVideoTask Task, Instant Since, bool HoldsPlace);
}
