using KlingPS.Core.Api;

namespace KlingPS.Core.Ledger;

/// <summary>How a task's record changes by what becomes known of it. A settled task stays settled.</summary>
internal static class TaskTransitions
{
    /// <summary>How long a link lives after the end: the shorter of the two periods the service documents.</summary>
    private static readonly TimeSpan s_linkLifetime = TimeSpan.FromHours(24);

    /// <summary>The service accepted the purchase.</summary>
    public static KlingVideoTask Accepted(this KlingVideoTask task, string taskId)
        => task with { TaskId = taskId, State = KlingTaskState.Waiting, FailCode = null, FailMessage = null };

    /// <summary>Nothing was bought.</summary>
    public static KlingVideoTask Rejected(this KlingVideoTask task, string? code, string reason, DateTimeOffset now)
        => task with
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

    /// <summary>The service says where the task stands.</summary>
    public static KlingVideoTask Observed(this KlingVideoTask task, TaskSnapshot snapshot, DateTimeOffset now)
    {
        string? resultUri = snapshot.ResultUris.Count > 0 ? snapshot.ResultUris[0] : task.ResultUri;
        if (task.State.IsSettled())
        {
            // A later look may bring the link, or a fresh one; the rest stands.
            return task with { ResultUri = resultUri };
        }

        KlingVideoTask next = task with { TaskId = snapshot.TaskId, State = snapshot.State, ResultUri = resultUri };
        DateTimeOffset completed = snapshot.CompletedAt ?? now;
        return snapshot.State switch
        {
            KlingTaskState.Succeeded => next with
            {
                CompletedAt = completed,
                ExpiresAt = completed + s_linkLifetime,
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
            _ => next,
        };
    }

    /// <summary>The record of a task that was not bought through this ledger.</summary>
    public static KlingVideoTask Adopted(TaskSnapshot snapshot, DateTimeOffset now)
    {
        VideoRequest? request = snapshot.Request;
        int duration = request?.Duration ?? KlingModel.DefaultDuration;
        var task = new KlingVideoTask
        {
            TaskId = snapshot.TaskId,
            State = KlingTaskState.Waiting,
            Model = request?.Model ?? KlingModel.Default,
            Prompt = request?.Prompt,
            NegativePrompt = request?.NegativePrompt,
            Duration = duration,
            CfgScale = request?.CfgScale,
            ImageUri = request?.ImageUri,
            TailImageUri = request?.TailImageUri,
            CallbackUri = request?.CallbackUri,
            CreatedAt = snapshot.CreatedAt ?? now,
            CreditsReserved = snapshot.CreditsConsumed ?? 0,
        };
        return task.Observed(snapshot, now);
    }

    /// <summary>The record of a purchase that is about to be made.</summary>
    public static KlingVideoTask Begun(TaskIntent intent, DateTimeOffset now) => new()
    {
        State = KlingTaskState.Submitting,
        Model = intent.Request.Model,
        Prompt = intent.Request.Prompt,
        NegativePrompt = intent.Request.NegativePrompt,
        Duration = intent.Request.Duration ?? KlingModel.DefaultDuration,
        CfgScale = intent.Request.CfgScale,
        SourcePath = intent.SourcePath,
        SourceHash = intent.SourceHash,
        ImageUri = intent.Request.ImageUri,
        TailImagePath = intent.TailImagePath,
        TailImageUri = intent.Request.TailImageUri,
        CallbackUri = intent.Request.CallbackUri,
        CreatedAt = now,
        CreditsReserved = intent.Credits,
    };
}
