namespace KlingPS.Core.Model;

/// <summary>
/// How a task's record changes by what becomes known of it. A settled task stays settled, unless an attempt that was not bought, as
/// its owner or the service said, turns out to be bought after all.
/// </summary>
internal static class TaskTransitions
{
    /// <summary>How long a link lives after the end: the shorter of the two periods the service documents.</summary>
    public static readonly TimeSpan LinkLifetime = TimeSpan.FromHours(24);

    /// <summary>The record of a purchase that is about to be made.</summary>
    public static KlingVideoTask Begun(TaskIntent intent, DateTimeOffset now) => new()
    {
        Spec = intent.Spec,
        State = KlingTaskState.Submitting,
        Account = intent.Account,
        Identity = intent.Identity,
        Nonce = intent.Nonce,
        Replaces = intent.Replaces,
        CreatedAt = now,
        CreditsReserved = intent.Credits ?? 0,
    };

    /// <summary>The record of a task that was not bought through this ledger.</summary>
    public static KlingVideoTask Adopted(string account, TaskSnapshot snapshot, DateTimeOffset now)
    {
        var task = new KlingVideoTask
        {
            TaskId = snapshot.TaskId,
            State = KlingTaskState.Waiting,
            Account = account,
            Identity = snapshot.Spec?.GetIdentity(),
            CreatedAt = snapshot.CreatedAt ?? now,
        };
        task = snapshot.Spec is null ? task : task with { Spec = snapshot.Spec };
        return (task with { CreditsReserved = snapshot.CreditsConsumed ?? task.Price() }).Observed(snapshot, now);
    }

    /// <summary>The service accepted the purchase.</summary>
    public static KlingVideoTask Accepted(this KlingVideoTask task, string taskId, DateTimeOffset now) => task with
    {
        TaskId = taskId,
        State = KlingTaskState.Waiting,
        AcceptedAt = now,
        CompletedAt = null,

        // An attempt that counted as not bought and was bought after all counts again.
        CreditsReserved = task.State is KlingTaskState.Abandoned or KlingTaskState.Rejected ? task.Price() : task.CreditsReserved,
        CreditsConsumed = null,
        FailCode = null,
        FailMessage = null,
    };

    /// <summary>The task has been taken in under its id of the service before it was known whose it is: all that was learnt of it.</summary>
    public static KlingVideoTask Joined(this KlingVideoTask task, KlingVideoTask adopted) => task with
    {
        TaskId = adopted.TaskId,
        State = adopted.State,
        AcceptedAt = adopted.AcceptedAt,
        CompletedAt = adopted.CompletedAt,
        CreditsReserved = adopted.CreditsReserved,
        CreditsConsumed = adopted.CreditsConsumed,
        ResultUri = adopted.ResultUri,
        FailCode = adopted.FailCode,
        FailMessage = adopted.FailMessage,
        SavedPath = adopted.SavedPath ?? task.SavedPath,
        SavedHash = adopted.SavedHash ?? task.SavedHash,
    };

    /// <summary>Nothing was bought.</summary>
    public static KlingVideoTask Rejected(this KlingVideoTask task, string? code, string reason, DateTimeOffset now) => task with
    {
        State = KlingTaskState.Rejected,
        FailCode = code,
        FailMessage = reason,
        CompletedAt = now,
        CreditsReserved = 0,
        CreditsConsumed = 0,
    };

    /// <summary>The answer was lost.</summary>
    public static KlingVideoTask Unknown(this KlingVideoTask task, string reason)
        => task with { State = KlingTaskState.Unknown, FailMessage = reason };

    /// <summary>The user no longer waits for the answer.</summary>
    public static KlingVideoTask Abandoned(this KlingVideoTask task, DateTimeOffset now)
        => task with { State = KlingTaskState.Abandoned, CompletedAt = now, CreditsReserved = 0 };

    /// <summary>The service says where the task stands.</summary>
    public static KlingVideoTask Observed(this KlingVideoTask task, TaskSnapshot snapshot, DateTimeOffset now)
    {
        string? resultUri = snapshot.ResultUris.Count > 0 ? snapshot.ResultUris[0] : task.ResultUri;
        if (task.State.IsSettled())
        {
            // A later look may bring the link, or a fresh one; the rest stands.
            return task.State == KlingTaskState.Succeeded ? task with { ResultUri = resultUri } : task;
        }

        KlingVideoTask next = task with { State = snapshot.State, AcceptedAt = snapshot.CreatedAt ?? task.AcceptedAt, ResultUri = resultUri };
        DateTimeOffset completed = snapshot.CompletedAt ?? now;

        // Some callbacks leave the price out. A video that was made has cost what was set aside for it; one that was not, nothing.
        return snapshot.State switch
        {
            KlingTaskState.Succeeded => next with
            {
                CompletedAt = completed,
                CreditsConsumed = snapshot.CreditsConsumed ?? task.CreditsReserved,
                CreditsReserved = 0,
            },
            KlingTaskState.Failed => next with
            {
                CompletedAt = completed,
                FailCode = snapshot.FailCode,
                FailMessage = snapshot.FailMessage,
                CreditsConsumed = snapshot.CreditsConsumed ?? 0,
                CreditsReserved = 0,
            },
            _ => next with { CreditsReserved = snapshot.CreditsConsumed is > 0 and decimal held ? held : task.CreditsReserved },
        };
    }

    private static decimal Price(this KlingVideoTask task) => task.Spec.GetCredits() ?? 0;
}
