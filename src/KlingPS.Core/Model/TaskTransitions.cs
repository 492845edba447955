namespace KlingPS.Core.Model;

/// <summary>How a task changes as more becomes known about it: pure functions, from one record of it to the next.</summary>
/// <remarks>
/// <para>
/// A purchase begins as <see cref="KlingTaskState.Submitting"/>. The response makes it <see cref="KlingTaskState.Waiting"/> or
/// <see cref="KlingTaskState.Rejected"/>, and without one it is <see cref="KlingTaskState.Unknown"/>, from where the user may give it
/// up (<see cref="KlingTaskState.Abandoned"/>). A request that the service turns down for now stays <see cref="KlingTaskState.Submitting"/>
/// and is held back until it is sent again: an attempt whose owner dies is unknown if a request may have left, and rejected while it is
/// held back. What the service says about an accepted task moves it on, until it has
/// <see cref="KlingTaskState.Succeeded"/> or <see cref="KlingTaskState.Failed"/>.
/// </para>
/// <para>
/// A task that the service has accepted but no longer knows may be given up as well. It is <see cref="KlingTaskState.Abandoned"/>
/// then with its id at the service, and what it cost stays spent.
/// </para>
/// <para>
/// A settled task stays settled, with four exceptions: an attempt that counted as not bought, because it was rejected or abandoned, and
/// turns out to be bought after all, or whose request turns out to have been under way until its response was lost; an attempt that was
/// abandoned because another one was to take its place, which was rejected; a task that the service
/// had forgotten and reports again; and a task that had failed and has a video after all, or is being made again
/// (<see cref="TaskSnapshot.SeenReversals"/>). Of a finished video only the link changes. A task never loses its id at the service, unless
/// that turns out to be another task's.
/// </para>
/// <para>If a change does not apply to a task that has moved on, the result is <see langword="null"/>.</para>
/// </remarks>
internal static class TaskTransitions
{
    /// <summary>How long a link lives after the end: the shorter of the two periods the service documents.</summary>
    public static readonly TimeSpan LinkLifetime = TimeSpan.FromHours(24);

    /// <summary>How long a task may be unknown to the service after its creation.</summary>
    public static readonly TimeSpan LongestInvisible = TimeSpan.FromMinutes(1);

    /// <summary>A purchase is about to be made.</summary>
    public static KlingVideoTask Begun(TaskIntent intent, DateTimeOffset now) => new()
    {
        TaskState = KlingTaskState.Submitting,
        Spec = intent.Spec,
        Account = intent.Account,
        Identity = intent.Identity,
        Nonce = intent.Nonce,
        Replaces = intent.Replaces?.Id,
        CreatedAt = now,
        CreditsReserved = intent.Credits ?? 0,
    };

    /// <summary>The response to a purchase was lost, and so was the record of the purchase: all that is left is what makes it the same as another one.</summary>
    public static KlingVideoTask Restored(string account, string nonce, string? identity, decimal? credits, string reason, DateTimeOffset now)
    {
        var task = new KlingVideoTask
        {
            TaskState = KlingTaskState.Unknown,
            Account = account,
            Identity = identity,
            Nonce = nonce,
            CreatedAt = now,
            FailMessage = reason,
        };
        return task with { CreditsReserved = VideoPrice.OfVideo(credits) ?? task.GetPrice() };
    }

    /// <summary>The service has a task that was not bought through this ledger.</summary>
    public static KlingVideoTask Adopted(string account, TaskSnapshot snapshot, DateTimeOffset now)
    {
        var task = new KlingVideoTask
        {
            TaskId = snapshot.TaskId,
            TaskState = KlingTaskState.Waiting,
            Account = account,
            CreatedAt = snapshot.CreatedAt ?? now,
        };
        return (task with { CreditsReserved = task.GetPrice() }).Observed(snapshot, now);
    }

    /// <summary>The service accepted the purchase.</summary>
    /// <param name="task">The attempt.</param>
    /// <param name="taskId">The service's id of its task.</param>
    /// <param name="now">The time.</param>
    /// <param name="price">What was set aside for it when it was begun, if that is known.</param>
    /// <returns><see langword="null"/> if it has an id at the service already.</returns>
    public static KlingVideoTask? Accepted(this KlingVideoTask task, string taskId, DateTimeOffset now, decimal? price = null) => task.TaskId is not null ? null : task with
    {
        TaskId = taskId,
        TaskState = KlingTaskState.Waiting,
        AcceptedAt = now,
        CompletedAt = null,
        HeldBackAt = null,

        // An attempt that counted as not bought and was bought after all counts again.
        CreditsReserved = task.TaskState.IsSettled() ? price ?? task.GetPrice() : task.CreditsReserved,
        CreditsConsumed = null,
        FailCode = null,
        FailMessage = null,
    };

    /// <summary>The purchase turns out to be a task that was adopted before it was known whose it is: it takes over all that was learnt about that one.</summary>
    /// <returns><see langword="null"/> if it has an id at the service already.</returns>
    public static KlingVideoTask? Joined(this KlingVideoTask task, KlingVideoTask adopted)
    {
        adopted = adopted.Remembered();
        return task.TaskId is not null ? null : task with
        {
            TaskId = adopted.TaskId,
            TaskState = adopted.TaskState,
            HeldBackAt = null,
            AcceptedAt = adopted.AcceptedAt,
            CompletedAt = adopted.CompletedAt,
            CreditsReserved = adopted.CreditsReserved,
            CreditsConsumed = adopted.CreditsConsumed,
            ResultUri = adopted.ResultUri,
            FailCode = adopted.FailCode,
            FailMessage = adopted.FailMessage,
            Reversals = adopted.Reversals,
            SavedPath = adopted.SavedPath ?? task.SavedPath,
            SavedHash = adopted.SavedHash ?? task.SavedHash,
            TakenAt = adopted.TakenAt,
        };
    }

    /// <summary>The service did not accept the purchase, or the request never left.</summary>
    /// <returns><see langword="null"/> if a response has been recorded already.</returns>
    public static KlingVideoTask? Rejected(this KlingVideoTask task, string? code, string reason, DateTimeOffset now) => !task.TaskState.IsUnanswered() ? null : task with
    {
        TaskState = KlingTaskState.Rejected,
        HeldBackAt = null,
        FailCode = code,
        FailMessage = reason,
        CompletedAt = now,
        CreditsReserved = 0,
        CreditsConsumed = 0,
    };

    /// <summary>The response was lost, as whoever has sent the request says. If others have settled the attempt meanwhile, they did not know that it was still under way.</summary>
    /// <param name="task">The attempt.</param>
    /// <param name="reason">How it was lost.</param>
    /// <param name="price">What was set aside for it when it was begun, if that is known.</param>
    /// <returns><see langword="null"/> if it is known which task was bought, or if the attempt was given up when just this was known.</returns>
    public static KlingVideoTask? Lost(this KlingVideoTask task, string reason, decimal? price = null) => task.TaskId is not null || task.WasGivenUpKnowing(reason) ? null : task with
    {
        TaskState = KlingTaskState.Unknown,
        HeldBackAt = null,
        CompletedAt = null,
        CreditsReserved = task.TaskState.IsSettled() ? price ?? task.GetPrice() : task.CreditsReserved,
        CreditsConsumed = null,
        FailCode = null,
        FailMessage = reason,
    };

    /// <summary>The service did not take the request for now, or it did not get there: it will be sent again, and until then nothing has left.</summary>
    /// <returns><see langword="null"/> if the attempt is not under way any more.</returns>
    public static KlingVideoTask? HeldBack(this KlingVideoTask task, string reason, DateTimeOffset now)
        => task.TaskState != KlingTaskState.Submitting ? null : task with { HeldBackAt = now, FailMessage = reason };

    /// <summary>A request that was held back is about to leave.</summary>
    /// <returns><see langword="null"/> if the attempt is not under way any more.</returns>
    public static KlingVideoTask? SentAgain(this KlingVideoTask task)
        => task.TaskState != KlingTaskState.Submitting ? null : task with { HeldBackAt = null, FailMessage = null };

    /// <summary>Nobody will record the outcome of an attempt any more: it may have been bought, unless it was held back.</summary>
    /// <param name="task">The attempt.</param>
    /// <param name="reason">Why nobody will.</param>
    /// <param name="now">The time.</param>
    /// <returns><see langword="null"/> if a response has been recorded already.</returns>
    public static KlingVideoTask? Orphaned(this KlingVideoTask task, string reason, DateTimeOffset now)
        => !task.TaskState.IsUnanswered() ? null
            : task.HeldBackAt is null ? task.Lost(reason)
            : task.Rejected(task.FailCode, $"The request was not sent again: {task.FailMessage}", now);

    /// <summary>The user gives up an attempt whose response was lost, knowing that it was not bought.</summary>
    /// <returns><see langword="null"/> if it is not unknown.</returns>
    public static KlingVideoTask? Abandoned(this KlingVideoTask task, DateTimeOffset now)
        => task.TaskState != KlingTaskState.Unknown ? null : task with { TaskState = KlingTaskState.Abandoned, CompletedAt = now, CreditsReserved = 0 };

    /// <summary>What was to be bought in place of an attempt was not: whether the attempt itself has bought the video is as little known as before.</summary>
    /// <param name="task">The attempt.</param>
    /// <param name="reserved">What was set aside for the one that was to take its place.</param>
    /// <returns><see langword="null"/> if the attempt was not given up.</returns>
    public static KlingVideoTask? NotReplaced(this KlingVideoTask task, decimal reserved)
        => task is not { TaskState: KlingTaskState.Abandoned, TaskId: null } ? null : task with
        {
            TaskState = KlingTaskState.Unknown,
            CompletedAt = null,
            CreditsReserved = reserved,
        };

    /// <summary>The user gives up a task that the service has accepted but no longer knows. What was set aside for it counts as spent, because nobody can tell any longer that it was not.</summary>
    /// <param name="task">The task.</param>
    /// <param name="taskId">The id that the service was asked for.</param>
    /// <param name="reason">What the service said.</param>
    /// <param name="now">The time.</param>
    /// <returns><see langword="null"/> if it does not have that id, or is no longer open.</returns>
    public static KlingVideoTask? Forgotten(this KlingVideoTask task, string taskId, string reason, DateTimeOffset now)
        => task.TaskId != taskId || !task.TaskState.IsPending() ? null : task with
        {
            TaskState = KlingTaskState.Abandoned,
            CompletedAt = now,
            CreditsReserved = 0,
            CreditsConsumed = task.CreditsReserved,
            FailMessage = reason,
        };

    /// <summary>The task that the service has named for an attempt turns out to belong to another one: the outcome of the attempt is not known.</summary>
    /// <returns><see langword="null"/> if it does not have that id, or has ended.</returns>
    public static KlingVideoTask? Detached(this KlingVideoTask task, string taskId, string reason) => task.TaskId != taskId || !task.TaskState.IsPending() ? null : task with
    {
        TaskId = null,
        TaskState = KlingTaskState.Unknown,
        AcceptedAt = null,
        FailMessage = reason,
    };

    /// <summary>The service says where its task stands.</summary>
    public static KlingVideoTask Observed(this KlingVideoTask task, TaskSnapshot snapshot, DateTimeOffset now)
    {
        task = task.Remembered().Described(snapshot.Spec);
        string? resultUri = snapshot.ResultUris.Count > 0 ? snapshot.ResultUris[0] : task.ResultUri;
        bool isOvertaken = snapshot.SeenReversals < task.Reversals;
        bool isBeingMade = snapshot.State.IsPending() && snapshot is { ShowsTask: true, NamesState: true };
        if (task.TaskState == KlingTaskState.Failed && (snapshot.State == KlingTaskState.Succeeded || (isBeingMade && !isOvertaken)))
        {
            // Whatever the service said before, there is a video now or will be, and it is paid for.
            task = task with
            {
                TaskState = KlingTaskState.Waiting,
                Reversals = task.Reversals + 1,
                CompletedAt = null,
                CreditsReserved = task.GetPrice(),
                CreditsConsumed = null,
                FailCode = null,
                FailMessage = null,
            };
        }
        else if (task.TaskState.IsSettled())
        {
            // A later poll may bring the link, or a fresh one; the rest stands.
            return task.TaskState == KlingTaskState.Succeeded ? task with { ResultUri = resultUri } : task;
        }
        else if (snapshot.State == KlingTaskState.Failed && isOvertaken)
        {
            // Somebody else has heard meanwhile that it is being made again. Whoever waits for it asks again.
            return task;
        }

        KlingVideoTask next = task with { TaskState = snapshot.State, AcceptedAt = snapshot.CreatedAt ?? task.AcceptedAt, ResultUri = resultUri };
        DateTimeOffset completed = snapshot.CompletedAt ?? now;

        // Some callbacks leave the price out, or give one that cannot be. A video that was made has cost what was set aside for it; one that was not, nothing.
        decimal? charge = snapshot.CreditsConsumed;
        return snapshot.State switch
        {
            KlingTaskState.Succeeded => next with
            {
                CompletedAt = completed,
                CreditsConsumed = VideoPrice.OfVideo(charge) ?? task.CreditsReserved,
                CreditsReserved = 0,
            },
            KlingTaskState.Failed => next with
            {
                Reversals = task.Reversals + 1,
                CompletedAt = completed,
                FailCode = snapshot.FailCode,
                FailMessage = snapshot.FailMessage,
                CreditsConsumed = charge ?? 0,
                CreditsReserved = 0,
            },
            _ => next with { CreditsReserved = VideoPrice.OfVideo(charge) ?? task.CreditsReserved },
        };
    }

    /// <summary>The video was saved. If the user had taken an earlier file of it elsewhere, there is one here again.</summary>
    public static KlingVideoTask Saved(this KlingVideoTask task, string path, string hash) => task.Found(path, hash) with { TakenAt = null };

    /// <summary>The video turns out to be where it was saved before. The user may have taken it elsewhere since.</summary>
    public static KlingVideoTask Found(this KlingVideoTask task, string path, string hash) => task with { SavedPath = path, SavedHash = hash };

    /// <summary>The user says that the video was taken elsewhere, or withdraws that.</summary>
    /// <returns><see langword="null"/> if there is no video.</returns>
    public static KlingVideoTask? Taken(this KlingVideoTask task, bool isTaken, DateTimeOffset now)
        => task.TaskState != KlingTaskState.Succeeded ? null : task with { TakenAt = isTaken ? task.TakenAt ?? now : null };

    /// <summary>A task of which it was not known what was asked for, once the service says so; any other as it is.</summary>
    private static KlingVideoTask Described(this KlingVideoTask task, VideoSpec? spec)
    {
        if (task.IsDescribed || spec is null)
        {
            return task;
        }

        KlingVideoTask described = task with { Spec = spec, Identity = task.Identity ?? spec.GetIdentity() };

        // The price of an attempt was recorded when it was made; that of an adopted task was only a guess until now.
        return task.Nonce is null && task.TaskState.IsPending() ? described with { CreditsReserved = described.GetPrice() } : described;
    }

    /// <summary>A task that was given up because the service had forgotten it, and that it reports again; any other as it is.</summary>
    private static KlingVideoTask Remembered(this KlingVideoTask task) => !task.IsForgotten ? task : task with
    {
        TaskState = KlingTaskState.Waiting,
        CompletedAt = null,
        CreditsReserved = task.CreditsConsumed ?? 0,
        CreditsConsumed = null,
        FailMessage = null,
    };

    private static bool WasGivenUpKnowing(this KlingVideoTask task, string reason)
        => task.TaskState == KlingTaskState.Abandoned && task.FailMessage?.StartsWith(ReceivedText.Cut(reason, ReceivedText.MaxMessageLength), StringComparison.Ordinal) == true;

    private static decimal GetPrice(this KlingVideoTask task) => task.Spec.GetCredits() ?? 0;
}
