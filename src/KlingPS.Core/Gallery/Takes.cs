using KlingPS.Core.Model;

namespace KlingPS.Core.Gallery;

/// <summary>Why a choice gets no new take of a video.</summary>
internal enum TakeHold
{
    /// <summary>It gets one.</summary>
    None,

    /// <summary>Nothing was made, so the requested take can still be had.</summary>
    NothingMade,

    /// <summary>Nobody knows whether it was bought.</summary>
    Unknown,

    /// <summary>It is being made.</summary>
    Pending,

    /// <summary>It has been made, but nobody has it yet.</summary>
    Unsaved,

    /// <summary>It was chosen before it was finished, or before it was on disk: nobody can have seen it.</summary>
    Unseen,

    /// <summary>It was chosen at a time that is in the future.</summary>
    Early,

    /// <summary>A take that was asked for before it was chosen is not settled yet.</summary>
    LaterIsOpen,
}

/// <summary>The existing takes of a video, whatever became of them.</summary>
internal sealed class Takes
{
    private readonly Dictionary<string, List<KlingVideoTask>> _variants = new(StringComparer.Ordinal);

    /// <summary>Counts the takes of tasks.</summary>
    /// <param name="tasks">The tasks; a task may occur several times.</param>
    public Takes(IEnumerable<KlingVideoTask> tasks)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        foreach (KlingVideoTask task in tasks)
        {
            string variant = VariantOf(task.Spec);
            if (!_variants.TryGetValue(variant, out List<KlingVideoTask>? takes))
            {
                _variants.Add(variant, takes = []);
            }

            takes.Add(task);
        }
    }

    /// <summary>The first take of a video, after the existing ones, that nobody has asked for.</summary>
    public int Next(VideoSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return Find(spec).Aggregate(spec.Take, (last, task) => Math.Max(last, task.Take)) + 1;
    }

    /// <summary>
    /// The take that a choice asks for. As long as the choice is the same, so is the take: the one that was requested since, if one
    /// was. A take that is not settled gets no successor.
    /// </summary>
    /// <param name="task">The task of the video.</param>
    /// <param name="isThere">Whether the video is on disk.</param>
    /// <param name="savedAt">When that file was written; <see langword="null"/> if that is not known.</param>
    /// <param name="choice">What was chosen.</param>
    /// <param name="now">The time by the clock that the tasks' times come from.</param>
    public (int Take, TakeHold Hold) Answer(KlingVideoTask task, bool isThere, DateTimeOffset? savedAt, GalleryChoice choice, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(choice);
        TakeHold hold = HoldOf(task, isThere);

        // Another clock is ahead of this one. What is bought now would count as older than the choice, and be bought again.
        hold = hold == TakeHold.None && choice.NotBefore > now ? TakeHold.Early : hold;

        // The task may have just got its video through the same line that asked for another take of it.
        hold = hold == TakeHold.None && choice.NotBefore >= task.CreatedAt && (choice.NotBefore < task.CompletedAt || choice.NotBefore < savedAt) ? TakeHold.Unseen : hold;
        if (hold != TakeHold.None)
        {
            return (task.Take, hold);
        }

        KlingVideoTask? answer = Later(task)
            .Where(other => !(other.CreatedAt < choice.NotBefore))
            .OrderBy(other => HoldOf(other, isThere: false) == TakeHold.NothingMade)
            .FirstOrDefault();
        bool isAnswered = answer is not null && HoldOf(answer, isThere: false) != TakeHold.NothingMade;
        return !isAnswered && FindOpenAfter(task) is KlingVideoTask open ? (open.Take, TakeHold.LaterIsOpen)
            : (answer?.Take ?? Next(task.Spec), TakeHold.None);
    }

    /// <summary>The first take after a video's own that is not settled: nobody has seen it, so it is not the one that was rejected.</summary>
    /// <returns><see langword="null"/> if there is none.</returns>
    public KlingVideoTask? FindOpenAfter(KlingVideoTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return Later(task).FirstOrDefault(other => HoldOf(other, isThere: false) is not (TakeHold.None or TakeHold.NothingMade));
    }

    private static TakeHold HoldOf(KlingVideoTask task, bool isThere) => task.TaskState switch
    {
        KlingTaskState.Failed or KlingTaskState.Rejected or KlingTaskState.Abandoned => TakeHold.NothingMade,
        KlingTaskState.Unknown => TakeHold.Unknown,
        KlingTaskState.Succeeded => isThere || task.SavedPath is not null || task.TakenAt is not null ? TakeHold.None : TakeHold.Unsaved,
        _ => TakeHold.Pending,
    };

    /// <summary>The other takes that were asked for after a video's own, in that order.</summary>
    private IEnumerable<KlingVideoTask> Later(KlingVideoTask task) => Find(task.Spec)
        .Where(other => other.Take != task.Take && (other.CreatedAt, other.Id).CompareTo((task.CreatedAt, task.Id)) > 0)
        .OrderBy(other => (other.CreatedAt, other.Id));

    private List<KlingVideoTask> Find(VideoSpec spec) => _variants.GetValueOrDefault(VariantOf(spec)) ?? [];

    /// <summary>What all takes of a video share.</summary>
    private static string VariantOf(VideoSpec spec)
    {
        VideoSpec first = (spec with { Take = 1 }).Normalized();
        return first.Sources.All(source => source.Source is not { IsFile: true, Hash: null })
            ? first.GetIdentity()

            // The files of an old record have no hash: then their paths count.
            : string.Join('\n', first.Sources.Select(source => source.Source.Subject).Append(first.Model).Append(first.Prompt));
    }
}
