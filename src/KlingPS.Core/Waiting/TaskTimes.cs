using KlingPS.Core.Model;

namespace KlingPS.Core.Waiting;

/// <summary>From when a task's age counts.</summary>
internal static class TaskTimes
{
    /// <summary>When the service accepted the task; its record may have been made some time before.</summary>
    public static DateTimeOffset StartedAt(this KlingVideoTask task) => task.AcceptedAt ?? task.CreatedAt;

    /// <summary>The same, but not later than now: a service whose clock is ahead must not make us wait until ours has caught up.</summary>
    public static DateTimeOffset StartedAt(this KlingVideoTask task, DateTimeOffset now) => task.StartedAt() is DateTimeOffset start && start < now ? start : now;
}
