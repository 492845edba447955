using System.Globalization;

namespace KlingPS.Core.Model;

/// <summary>Explains why a task gives no video.</summary>
internal static class TaskErrors
{
    /// <summary>The error of a task that has no video; <see langword="null"/> if it has one or may still get one.</summary>
    public static KlingException? From(KlingVideoTask task) => task.TaskState switch
    {
        KlingTaskState.Failed => new KlingException(
            ErrorKind.TaskFailed,
            $"The video of '{task.Subject}' (task {task.Id}) could not be made{Reason(task)}. Failed tasks cost nothing.")
        {
            TaskNumber = task.Id,
        },
        KlingTaskState.Rejected => new KlingException(
            ErrorKind.RequestInvalid,
            $"The video of '{task.Subject}' (task {task.Id}) was not bought{Reason(task)}.")
        {
            TaskNumber = task.Id,
            Advice = "If the service refused a value, correct it. Then New-KlingVideoTask or ConvertTo-KlingVideo buys the video.",
        },
        KlingTaskState.Submitting => new KlingException(
            ErrorKind.AttemptUnknown,
            $"The video of '{task.Subject}' (task {task.Id}) is being submitted, and it is not known yet whether it will be bought, so there is nothing to wait for so far.")
        {
            TaskNumber = task.Id,
            Advice = string.Create(CultureInfo.InvariantCulture, $"Leave the command alone that submits it, and run this one again when Get-KlingVideoTask -Id {task.Id} shows another state. If its process is gone, the task becomes Unknown, and can be resolved then."),
        },
        KlingTaskState.Unknown => new KlingException(
            ErrorKind.AttemptUnknown,
            $"It is not known whether the video of '{task.Subject}' (task {task.Id}) was bought, so there is nothing to wait for yet.")
        {
            TaskNumber = task.Id,
        },
        KlingTaskState.Abandoned when task.IsForgotten => new KlingException(
            ErrorKind.TaskNotFound,
            $"Task {task.Id} ('{task.Subject}') was given up because the service did not know it any more, so its video cannot be fetched.")
        {
            TaskNumber = task.Id,
            Advice = $"{BuyAgain} {AskAgain(task)}",
        },
        KlingTaskState.Abandoned => new KlingException(
            ErrorKind.TaskNotFound,
            $"Task {task.Id} ('{task.Subject}') was given up, so it has no video.")
        {
            TaskNumber = task.Id,
            Advice = string.Create(CultureInfo.InvariantCulture, $"If -Resubmit has bought the video again, Get-KlingVideoTask | Where-Object Replaces -EQ {task.Id} shows the task that replaced this one. ")
                + "Otherwise, to buy the video: New-KlingVideoTask or ConvertTo-KlingVideo with the same image and parameters.",
        },
        _ => null,
    };

    /// <summary>The error of a video that an earlier attempt failed to make.</summary>
    /// <param name="subject">The image, as the user named it.</param>
    /// <param name="task">The earlier attempt.</param>
    public static KlingException CreateFailedBefore(string subject, KlingVideoTask task) => new(
        ErrorKind.TaskFailed,
        $"The video of '{subject}' could not be made before (task {task.Id}){Reason(task)}. It is not tried again automatically; -RetryFailed does that. Nothing was spent.")
    {
        TaskNumber = task.Id,
    };

    /// <summary>The error of a video that a plan has bought and that could not be made.</summary>
    public static KlingException CreateFailedInPlan(string subject, KlingVideoTask task) => new(
        ErrorKind.TaskFailed,
        $"Nothing was bought for '{subject}': the plan has bought its video once, as task {task.Id}, which could not be made{Reason(task)}.")
    {
        TaskNumber = task.Id,
        Advice = "To buy it again, make another plan with -RetryFailed.",
    };

    /// <summary>The error of a task that was accepted and that the service does not know, or no longer knows.</summary>
    /// <param name="task">The task.</param>
    /// <param name="answer">What the service has answered.</param>
    public static KlingException CreateNotKnown(KlingVideoTask task, KlingException answer)
    {
        KlingException error = answer.WithMessage(
            $"The service knows no task '{task.TaskId}' for this key, which is that of '{task.Subject}' (task {task.Id}). It keeps its records for about two months. Nothing was bought again.");
        error.TaskNumber = task.Id;
        error.Advice = "Check that you are connected with the key that the task was made with (Get-KlingAccount), and -Endpoint if you gave one. "
            + string.Create(CultureInfo.InvariantCulture, $"If the service has forgotten the task, its video cannot be fetched any more: Resolve-KlingVideoTask {task.Id} -Abandon gives it up, so that no run asks for it again. ")
            + "After that, New-KlingVideoTask buys the video again, as does ConvertTo-KlingVideo -Take with another number.";
        return error;
    }

    /// <summary>The error of a video whose task was given up because the service had forgotten it.</summary>
    /// <param name="subject">The image, as the user named it.</param>
    /// <param name="task">The earlier task.</param>
    public static KlingException CreateForgottenBefore(string subject, KlingVideoTask task) => new(
        ErrorKind.TaskNotFound,
        $"Nothing was bought for '{subject}': the same video was bought before as task {task.Id}, which the service has forgotten and you have given up. As it may be paid for, it is not bought again automatically.")
    {
        TaskNumber = task.Id,
        Advice = $"{BuyAgain} {AskAgain(task)}",
    };

    /// <summary>The error of a video that is saved, and whose task was removed from the ledger meanwhile.</summary>
    public static KlingException CreateRemovedWhileSaved(KlingVideoTask task, string path) => new(
        ErrorKind.TaskNotFound,
        $"The video of '{task.Subject}' is saved as '{path}', but task {task.Id} was removed from the ledger meanwhile. The ledger no longer knows that it was bought.")
    {
        TaskNumber = task.Id,
        Advice = $"If the removal was a mistake: Get-KlingVideoTask -TaskId {ServiceTaskId.Quote(task.TaskId!)} records the task again, without the name of its image.",
    };

    private const string BuyAgain = "To buy it once more: New-KlingVideoTask with the same image and parameters, then Wait-KlingVideoTask and Save-KlingVideo; or ConvertTo-KlingVideo -Take with another number.";

    private static string AskAgain(KlingVideoTask task)
        => string.Create(CultureInfo.InvariantCulture, $"Get-KlingVideoTask -Id {task.Id} -Refresh asks the service whether it knows the task again.");

    /// <summary>The error of a task that was not ready in time.</summary>
    public static KlingException CreateTimeout(KlingVideoTask task, TimeSpan timeout) => new(
        ErrorKind.WaitTimeout,
        $"The video of '{task.Subject}' (task {task.Id}) {(timeout == TimeSpan.Zero ? "is not ready yet" : $"was not ready within {Describe(timeout)}")}. The task still runs and is still paid for.")
    {
        TaskNumber = task.Id,
    };

    /// <summary>The error of a video that is made and was not on disk in time.</summary>
    public static KlingException CreateSaveTimeout(KlingVideoTask task, TimeSpan timeout) => new(
        ErrorKind.WaitTimeout,
        $"The video of '{task.Subject}' (task {task.Id}) is paid for and was not on disk within {Describe(timeout)}. The next run gets it, from where this one stopped if the server allows that.")
    {
        TaskNumber = task.Id,
        Advice = "Continue at any time within the day for which the service keeps the video: Get-KlingVideoTask -Id <id> | Wait-KlingVideoTask | Save-KlingVideo.",
    };

    /// <summary>The error of a request for a video that was sent and not answered in time.</summary>
    public static KlingException CreateAnswerTimeout(KlingVideoTask task, TimeSpan timeout) => new(
        ErrorKind.WaitTimeout,
        $"The request for the video of '{task.Subject}' (task {task.Id}) was sent, and was not answered within {Describe(timeout)}. It may be paid for; the answer is recorded when it comes, so leave the shell open until then.")
    {
        TaskNumber = task.Id,
        Advice = "See with Get-KlingVideoTask -Id <id> what became of it; then: Get-KlingVideoTask -Id <id> | Wait-KlingVideoTask | Save-KlingVideo.",
    };

    /// <summary>The error of a video that another command was still submitting when the time was over.</summary>
    /// <param name="subject">The image, as the user named it.</param>
    /// <param name="other">What the other command is submitting.</param>
    /// <param name="isOwn">Whether that is a command of this very process.</param>
    /// <param name="timeout">How much time there was.</param>
    public static KlingException CreateOthersTimeout(string subject, KlingVideoTask other, bool isOwn, TimeSpan timeout) => new(
        ErrorKind.WaitTimeout,
        $"Nothing was sent for '{subject}': {(isOwn ? "another command of this shell" : "another command")} is submitting the same video as task {other.Id}, and had no answer within {Describe(timeout)}.")
    {
        TaskNumber = other.Id,
        Advice = isOwn
            ? "Leave this shell open, and run the same command again later: what was bought is used. Get-KlingVideoTask -Id <id> shows what became of the request."
            : "Run the same command again when the other one has ended: what it buys is used. If its process hangs, end that; Get-KlingVideoTask -Id <id> shows what became of the request.",
    };

    /// <summary>The error of a video that was not bought in time.</summary>
    /// <param name="subject">The image, as the user named it.</param>
    /// <param name="timeout">How much time there was.</param>
    public static KlingException CreatePurchaseTimeout(string subject, TimeSpan timeout) => new(
        ErrorKind.WaitTimeout,
        $"Nothing was bought for '{subject}' within {Describe(timeout)}, and nothing more will be sent for it.")
    {
        Advice = "Run the same command again, with a longer -Timeout or without one; what is bought is not bought again.",
    };

    /// <summary>A timeout in words.</summary>
    public static string Describe(TimeSpan timeout) => string.Create(CultureInfo.InvariantCulture, $"{timeout.TotalSeconds:0.###} {(timeout.TotalSeconds == 1 ? "second" : "seconds")}");

    private static string Reason(KlingVideoTask task)
        => FailureReason.Describe(task.FailCode, task.FailMessage)
            + (FailureReason.Describe(code: null, task.FailMessage).Length == 0 ? "; the service does not say why" : string.Empty);
}
