namespace KlingPS.Core.Model;

/// <summary>The state of a video task.</summary>
public enum KlingTaskState
{
    /// <summary>The request is on its way; the response is not known yet.</summary>
    Submitting,

    /// <summary>The request left and the response was lost: the video may be paid for. Never sent again without the user's word.</summary>
    Unknown,

    /// <summary>Accepted, waiting at the service.</summary>
    Waiting,

    /// <summary>Accepted, queued at the service.</summary>
    Queuing,

    /// <summary>The video is being made.</summary>
    Generating,

    /// <summary>The video is ready.</summary>
    Succeeded,

    /// <summary>The service could not make the video; nothing was charged.</summary>
    Failed,

    /// <summary>The service did not accept the request, or the request was never sent; nothing was charged.</summary>
    Rejected,

    /// <summary>
    /// An unknown attempt that the user has given up; or, if the task has an id at the service, one that the service no longer
    /// knew.
    /// </summary>
    Abandoned,
}

/// <summary>Questions about states.</summary>
internal static class KlingTaskStateExtensions
{
    /// <summary>Whether the service has the task and has not ended it.</summary>
    public static bool IsPending(this KlingTaskState state)
        => state is KlingTaskState.Waiting or KlingTaskState.Queuing or KlingTaskState.Generating;

    /// <summary>Whether it is a request whose response has not been recorded.</summary>
    public static bool IsUnanswered(this KlingTaskState state)
        => state is KlingTaskState.Submitting or KlingTaskState.Unknown;

    /// <summary>Whether the task has ended. <see cref="TaskTransitions"/> says what may still change.</summary>
    public static bool IsSettled(this KlingTaskState state)
        => state is KlingTaskState.Succeeded or KlingTaskState.Failed or KlingTaskState.Rejected or KlingTaskState.Abandoned;
}
