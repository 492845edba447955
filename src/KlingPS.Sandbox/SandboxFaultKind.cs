namespace KlingPS.Sandbox;

/// <summary>What goes wrong. Unless said otherwise, the request has no effect.</summary>
public enum SandboxFaultKind
{
    /// <summary>The connection breaks before the request has had any effect.</summary>
    LoseAnswerBefore,

    /// <summary>The request has its full effect, then the connection breaks without a usable response.</summary>
    LoseAnswerAfter,

    /// <summary>
    /// The request waits for <see cref="SandboxFault.Delay"/> and then continues normally, or with the next fault that matches.
    /// On <see cref="SandboxOperation.Generate"/> the task takes that much longer; on <see cref="SandboxOperation.Callback"/> the callback comes that much later.
    /// </summary>
    Delay,

    /// <summary>The response is <see cref="SandboxFault.Code"/> in the service's envelope. Not at the download host, which has none.</summary>
    Code,

    /// <summary>The response is the HTTP status <see cref="SandboxFault.Status"/> (503), with an envelope if a code or message is given (at the download host the bare message), else empty.</summary>
    HttpStatus,

    /// <summary>The response is a gateway's HTML page with HTTP status <see cref="SandboxFault.Status"/> (502).</summary>
    GatewayHtml,

    /// <summary>The request has its effect; the response is HTTP 200 with an unreadable body.</summary>
    Garbage,

    /// <summary>The request has its effect; the response is HTTP 200 with an empty body.</summary>
    Empty,

    /// <summary>The request has its effect; the response claims to be compressed by <see cref="SandboxFault.Encoding"/>, but is damaged.</summary>
    DamagedEncoding,

    /// <summary>The request has its effect; the response comes at <see cref="SandboxFault.BytesPerSecond"/>.</summary>
    Trickle,

    /// <summary>The request has its effect; <see cref="SandboxFault.Field"/> of the response holds <see cref="SandboxFault.Value"/>.</summary>
    WrongField,

    /// <summary>The create is accepted, but gets the id of the previously accepted task. Both are billed; only the first can be queried.</summary>
    DuplicateId,

    /// <summary>The query of a task that succeeded is answered with <see cref="SandboxFault.Link"/> in place of the video's.</summary>
    WrongLink,

    /// <summary>The download is redirected to <see cref="SandboxFault.Link"/>.</summary>
    Redirect,

    /// <summary>The download's connection breaks after <see cref="SandboxFault.AtFraction"/> of what the request asked for.</summary>
    CutDownload,

    /// <summary>The task ends in state <c>fail</c> with <see cref="SandboxFault.FailCode"/> and <see cref="SandboxFault.FailMessage"/>; its credits are returned.</summary>
    FailTask,

    /// <summary>
    /// The video's own link returns 404 from now on; a link from download-url still works. On
    /// <see cref="SandboxOperation.Generate"/> it never works at all.
    /// </summary>
    ExpireLink,

    /// <summary>The query of an existing task is answered as if it did not exist ("recordInfo is null").</summary>
    UnknownId,

    /// <summary>The query of a task that succeeded is answered with an empty list of videos.</summary>
    EmptyResult,

    /// <summary>The callback is never sent.</summary>
    LoseCallback,

    /// <summary>The callback is sent twice, byte for byte.</summary>
    DuplicateCallback,

    /// <summary>The callback has the format of 2025: different names for the credits, and an input that is not encoded twice.</summary>
    OldCallback,
}
