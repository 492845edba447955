namespace KlingPS.Core.Waiting;

/// <summary>What the planner must know of a task that is being waited for.</summary>
/// <param name="Key">Something that tells tasks apart, such as the service's id. Decides the task's small delay.</param>
/// <param name="Model">The model's id at the service.</param>
/// <param name="VideoSeconds">The length of the video in seconds.</param>
/// <param name="CreatedAt">When the service accepted the task.</param>
/// <param name="LastLookedAt">When the task was last seen unfinished; null if it was never looked at.</param>
/// <param name="Crowd">How many tasks are waited for, this one included: they share the ten queries in a second that the service answers.</param>
/// <param name="Rank">How many tasks of its kind the service took before it that are waited for too. Beyond <see cref="PollPlanner.MaxScouts"/>, any number will do.</param>
public readonly record struct PollSubject(
    string Key,
    string Model,
    int VideoSeconds,
    DateTimeOffset CreatedAt,
    DateTimeOffset? LastLookedAt,
    int Crowd = 1,
    int Rank = 0);
