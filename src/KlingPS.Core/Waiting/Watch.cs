using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Waiting;

/// <summary>A task that is waited for, by one caller or several. What is known about the task is only changed in its turn, and it has one turn at a time.</summary>
internal sealed class Watch
{
    /// <param name="task">The task, as the ledger has it.</param>
    /// <param name="startedAt">When the service accepted it.</param>
    public Watch(KlingVideoTask task, Instant startedAt)
    {
        Id = task.Id;
        Key = task.Key;
        Task = task;
        StartedAt = startedAt;
    }

    /// <summary>The local id that callers wait by. It stays, even if the task turns out to belong to another record.</summary>
    public long Id { get; }

    /// <summary>See <see cref="KlingVideoTask.Key"/>; stays as well.</summary>
    public string Key { get; }

    /// <summary>The task, as it was last seen.</summary>
    public KlingVideoTask Task { get; set; }

    /// <summary>Those who wait for it, mostly one. Guarded by the list's lock.</summary>
    public List<Caller> Callers { get; } = new(1);

    /// <summary>Whether its first turn is still to come.</summary>
    public bool IsNew { get; set; } = true;

    /// <summary>When the service accepted it, as far as that could be told when it began to be waited for.</summary>
    public Instant StartedAt { get; }

    /// <summary>When a poll last found it pending.</summary>
    public Instant? LastPolledAt { get; set; }

    /// <summary>How many polls have found that it has succeeded, but not where its video is.</summary>
    public int PollsWithoutLink { get; set; }

    /// <summary>When the current run of polls began that were answered without a word about it.</summary>
    public Instant? SilentSince { get; set; }

    /// <summary>How many polls there have been in that run.</summary>
    public int SilentPolls { get; set; }

    /// <summary>When the current run of failed polls began.</summary>
    public Instant? FailingSince { get; set; }

    /// <summary>The pending tasks of its kind, once its first turn has begun. Guarded by the schedule's lock.</summary>
    public Cohort? Cohort { get; set; }

    /// <summary>Its place in the cohort: when the service accepted it, and a number that tells equals apart. Guarded by the schedule's lock.</summary>
    public (DateTimeOffset AcceptedAt, long Number) Place { get; set; }

    /// <summary>Whether it waits for the time that the planner chose. Guarded by the schedule's lock.</summary>
    public bool IsPlanned { get; set; }
}
