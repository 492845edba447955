using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Waiting;

/// <summary>The moment from which a task's age counts.</summary>
internal static class TaskTimes
{
    /// <summary>When the service accepted the task; its record may have been made some time before.</summary>
    public static DateTimeOffset StartedAt(this KlingVideoTask task) => task.AcceptedAt ?? task.CreatedAt;

    /// <summary>
    /// The same by the monotonic clock, to be asked once and kept: from then on a change of the time of day has no effect. Not later
    /// than now, because a service whose clock is ahead must not make us wait until ours has caught up.
    /// </summary>
    public static Instant StartedAt(this KlingVideoTask task, TimeProvider time)
    {
        TimeSpan age = time.GetUtcNow() - task.StartedAt();
        return Instant.Now(time) - (age > TimeSpan.Zero ? age : TimeSpan.Zero);
    }
}
