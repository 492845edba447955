namespace KlingPS.Core;

/// <summary>
/// Every condition KlingPS reports. The name of a kind, with <c>Kling</c> before it, is the stable error id users see.
/// </summary>
public enum ErrorKind
{
    /// <summary>The service refused the key: missing, wrong, revoked, or used from an address outside its whitelist (code 401).</summary>
    Unauthorized,

    /// <summary>The account's balance does not cover the task (code 402, or its text under code 500).</summary>
    CreditsInsufficient,

    /// <summary>The key's own spending cap is reached while the account may still have credits (code 433).</summary>
    KeyCapReached,

    /// <summary>The service does not know the task, or the route (code 404; code 422 with "recordInfo is null").</summary>
    TaskNotFound,

    /// <summary>A parameter is outside what the service takes (codes 400 and 422, parameter errors under code 500, or found locally).</summary>
    RequestInvalid,

    /// <summary>Too many requests, still after backing off (code 429).</summary>
    RateLimited,

    /// <summary>Maintenance, a server error, a gateway page instead of an answer, or no connection (codes 455 and 500, HTTP 502 to 504).</summary>
    ServiceUnavailable,

    /// <summary>The generation itself failed (code 501, state <c>fail</c>). Failed tasks cost nothing.</summary>
    TaskFailed,

    /// <summary>The feature is switched off at the service (code 505).</summary>
    FeatureDisabled,

    /// <summary>A create request left and its answer was lost: it may be paid for, and is never sent again by itself.</summary>
    AttemptUnknown,

    /// <summary>The local wait is over; the task still runs and is still paid for.</summary>
    WaitTimeout,

    /// <summary>The task is not finished, so there is no video to fetch yet.</summary>
    TaskPending,

    /// <summary>The service answered a read with something that is no answer.</summary>
    AnswerInvalid,

    /// <summary>The file is not an image the service takes.</summary>
    ImageUnsupported,

    /// <summary>No key was given and none was found.</summary>
    ApiKeyMissing,

    /// <summary>The task would go over a limit the user has set.</summary>
    BudgetExceeded,

    /// <summary>No file or folder is at the path.</summary>
    PathNotFound,

    /// <summary>The file exists but cannot be read.</summary>
    FileUnreadable,

    /// <summary>The video's file exists already and is something else.</summary>
    FileExists,

    /// <summary>The video cannot be written: destination missing or not writable, or the disk is full.</summary>
    DestinationUnusable,

    /// <summary>What was downloaded is not the whole video.</summary>
    DownloadIncomplete,

    /// <summary>The link to the video has expired and could not be renewed.</summary>
    LinkExpired,

    /// <summary>The ledger cannot be opened or written: bad path, read-only or full disk, damaged, or of a newer version. Nothing is bought without it.</summary>
    LedgerUnusable,

    /// <summary>The port or address cannot be listened on: taken, or not allowed.</summary>
    ListenerUnusable,

    /// <summary>A callback is not signed by the service, or is about no task that is known here.</summary>
    CallbackRefused,

    /// <summary>No sandbox is running.</summary>
    SandboxNotRunning,
}
