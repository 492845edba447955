namespace KlingPS.Core.Model;

/// <summary>Where a video task stands.</summary>
public enum KlingTaskState
{
    /// <summary>The request is on its way; its answer is not known yet.</summary>
    Submitting,

    /// <summary>The request left and its answer was lost: it may be paid for. Never sent again by itself.</summary>
    Unknown,

    /// <summary>Accepted, waits at the service.</summary>
    Waiting,

    /// <summary>Accepted, queued at the service.</summary>
    Queuing,

    /// <summary>The video is being made.</summary>
    Generating,

    /// <summary>The video is ready.</summary>
    Succeeded,

    /// <summary>The service could not make the video; nothing was charged.</summary>
    Failed,

    /// <summary>The service did not accept the request; nothing was charged.</summary>
    Rejected,

    /// <summary>An unknown attempt that its owner has given up.</summary>
    Abandoned,
}
