namespace KlingPS.Core;

/// <summary>
/// Every condition KlingPS reports. The name of a kind, with <c>Kling</c> before it, is the stable error id that users see.
/// </summary>
public enum ErrorKind
{
    /// <summary>The service refused the key: missing, wrong, revoked, or used from an address outside its whitelist (code 401).</summary>
    [ErrorTraits(
        "AuthenticationError",
        "Check the key at https://kie.ai/api-key, and whether it may be used from this machine's address; then run Connect-KlingAccount again.",
        Fatal = Fatality.Always)]
    Unauthorized,

    /// <summary>The account's balance does not cover the task (code 402, or its text under code 500).</summary>
    [ErrorTraits(
        "QuotaExceeded",
        "Add credits at https://kie.ai/billing, then run the same command for the remaining images. Tasks that were already accepted continue: Get-KlingVideoTask -State Waiting, Queuing, Generating | Wait-KlingVideoTask | Save-KlingVideo.",
        Fatal = Fatality.Always)]
    CreditsInsufficient,

    /// <summary>The key's own spending cap is reached while the account may still have credits (code 433).</summary>
    [ErrorTraits(
        "QuotaExceeded",
        "Raise the cap of this key at https://kie.ai/api-key, wait until it resets, or connect with another key.",
        Fatal = Fatality.Always)]
    KeyCapReached,

    /// <summary>The service does not know the task (code 404 if it was asked for one; code 422 with "recordInfo is null").</summary>
    [ErrorTraits(
        "ObjectNotFound",
        "Check the id with Get-KlingVideoTask. Check also that you are connected with the key that the task was made with (Get-KlingAccount), and -Endpoint if you gave one.")]
    TaskNotFound,

    /// <summary>A parameter is outside what the service accepts (codes 400 and 422, parameter errors under code 500, or found locally).</summary>
    [ErrorTraits(
        "InvalidArgument",
        "Correct what the message names, and run the command again.")]
    RequestInvalid,

    /// <summary>Too many requests, still after backing off (code 429).</summary>
    [ErrorTraits(
        "LimitsExceeded",
        "Wait as long as the service asks for, or else a minute, and run the command again; other programs may be using the same account.")]
    RateLimited,

    /// <summary>Maintenance, a server error, a gateway's page instead of a response, or no connection (codes 455 and 500, HTTP 502 to 504).</summary>
    [ErrorTraits(
        "ResourceUnavailable",
        "Check the network and Get-KlingAccount, then run the command again later. Tasks that were already accepted continue: Get-KlingVideoTask -State Waiting, Queuing, Generating | Wait-KlingVideoTask | Save-KlingVideo.",
        Fatal = Fatality.WhenServiceIsDown)]
    ServiceUnavailable,

    /// <summary>The generation itself failed (code 501, state <c>fail</c>). Failed tasks cost nothing.</summary>
    [ErrorTraits(
        "InvalidResult",
        "Change the prompt or the image, or retry unchanged with New-KlingVideoTask or ConvertTo-KlingVideo -RetryFailed.")]
    TaskFailed,

    /// <summary>The feature is switched off at the service (code 505).</summary>
    [ErrorTraits(
        "NotEnabled",
        "The service has switched this off for now; see https://kie.ai for news, or choose another -Model.",
        Fatal = Fatality.Always)]
    FeatureDisabled,

    /// <summary>A create request left and its response was lost: it may be paid for, and is never sent again automatically.</summary>
    [ErrorTraits(
        "ConnectionError",
        "Check at https://kie.ai/logs whether the task exists. If it does: Resolve-KlingVideoTask <Id> -TaskId <the service's id>. If it does not: Resolve-KlingVideoTask <Id> -Abandon, or -Resubmit to buy it again.")]
    AttemptUnknown,

    /// <summary>The local wait is over; the task is still running and still paid for.</summary>
    [ErrorTraits(
        "OperationTimeout",
        "Resume at any time: Get-KlingVideoTask -Id <id> | Wait-KlingVideoTask | Save-KlingVideo.")]
    WaitTimeout,

    /// <summary>The task is not finished, so there is no video to fetch yet.</summary>
    [ErrorTraits(
        "ResourceBusy",
        "Wait for it first: Get-KlingVideoTask -Id <id> | Wait-KlingVideoTask | Save-KlingVideo.")]
    TaskPending,

    /// <summary>The service's response to a read cannot be understood.</summary>
    [ErrorTraits(
        "InvalidData",
        "Run the command again. If the error remains, see with -Debug what the service responds, and check -Endpoint.")]
    AnswerInvalid,

    /// <summary>The file is not an image that the service takes.</summary>
    [ErrorTraits(
        "InvalidData",
        "Use a file that the model takes: about_KlingPS_Models says which, and Test-KlingImage -Detailed, with -Model, what is wrong with an image.")]
    ImageUnsupported,

    /// <summary>No key was given and none was found.</summary>
    [ErrorTraits(
        "AuthenticationError",
        "To try things out without a key, at no cost: Connect-KlingAccount -Sandbox. A key is made at https://kie.ai/api-key; Connect-KlingAccount -ApiKey (Read-Host -AsSecureString) takes it for this session, unattended runs may set the environment variable KIE_API_KEY, or KIE_API_KEY_FILE to the path of a file that holds it, and Set-KlingApiKey stores it for all sessions.",
        Fatal = Fatality.Always)]
    ApiKeyMissing,

    /// <summary>The task would exceed a limit that the user has set.</summary>
    [ErrorTraits(
        "QuotaExceeded",
        "Raise the limit, or run the command again when the budget allows it.")]
    BudgetExceeded,

    /// <summary>No file or folder is at the path.</summary>
    [ErrorTraits(
        "ObjectNotFound",
        "Check the path. One that does not begin at the root is looked for in the current folder.")]
    PathNotFound,

    /// <summary>The file exists but cannot be read.</summary>
    [ErrorTraits(
        "ReadError",
        "Run the command again. If the error remains, check the file and the disk that it is on.")]
    FileUnreadable,

    /// <summary>A file with the video's name already exists and is something else.</summary>
    [ErrorTraits(
        "ResourceExists",
        "Use -Force to overwrite it, or choose another -Destination or -NameTemplate.")]
    FileExists,

    /// <summary>The video cannot be written: destination missing or not writable, or the disk is full.</summary>
    [ErrorTraits(
        "WriteError",
        "Choose another -Destination.",
        MoreOfTask = "Nothing is lost: a video that is paid for can be fetched again, with Get-KlingVideoTask -Id <id> | Save-KlingVideo or the same ConvertTo-KlingVideo command.")]
    DestinationUnusable,

    /// <summary>What was downloaded is not the whole video.</summary>
    [ErrorTraits(
        "InvalidData",
        "Run it again later: Get-KlingVideoTask -Id <id> | Save-KlingVideo. The video is paid for, and the service keeps it for at least a day.")]
    DownloadIncomplete,

    /// <summary>The link to the video has expired and could not be renewed.</summary>
    [ErrorTraits(
        "ResourceUnavailable",
        "Ask the service once more with Get-KlingVideoTask -Id <id> -Refresh; it keeps videos for at most 14 days. If you have the video elsewhere: Resolve-KlingVideoTask <Id> -TakenElsewhere. To buy it again, use -Take with another number.")]
    LinkExpired,

    /// <summary>The ledger cannot be opened or written: bad path, read-only or full disk, damaged, or of a newer version. Nothing is bought without it.</summary>
    [ErrorTraits(
        "ResourceUnavailable",
        "Make this ledger usable: about_KlingPS_Ledger explains how to recover one, and the environment variable KLINGPS_LEDGER says where it is if that is elsewhere. Put no empty one in its place: it does not know what was bought, and all of that would be bought again.",
        Fatal = Fatality.Always)]
    LedgerUnusable,

    /// <summary>The port or address cannot be listened on: in use, or not allowed.</summary>
    [ErrorTraits(
        "ResourceUnavailable",
        "Choose another port or address with -Prefix, and change the tunnel or proxy in front of it; or stop the program that is using this one.")]
    ListenerUnusable,

    /// <summary>A callback is not signed by the service, or is about a task that is unknown here.</summary>
    [ErrorTraits(
        "SecurityError",
        "Compare the key with the one at https://kie.ai/settings, and use Test-KlingCallback -Detailed to see what is wrong. Wait-KlingVideoTask gets the video without a callback.")]
    CallbackRefused,

    /// <summary>No sandbox is running.</summary>
    [ErrorTraits(
        "ObjectNotFound",
        "Start one with Start-KlingSandbox, or with Connect-KlingAccount -Sandbox.")]
    SandboxNotRunning,

    /// <summary>What answers at the address is not the service: it does not have the service's routes (HTTP 404 or 405 without a response of the service; code 404 if what was asked for cannot be missing).</summary>
    [ErrorTraits(
        "ResourceUnavailable",
        "Correct the address: Get-KlingConfiguration shows which ones are in force and where each comes from, such as -Endpoint, -UploadEndpoint, KLINGPS_ENDPOINT or the configuration file. The service itself is at https://api.kie.ai/. Tasks that were already accepted continue.",
        Fatal = Fatality.Always)]
    EndpointWrong,

    /// <summary>Another account has bought the video, which is not on disk. It is not bought a second time without the user's permission.</summary>
    [ErrorTraits(
        "ResourceExists",
        "Connect with the key that bought it, at the address where it was bought, and run the same command to fetch the video; or use -AllowRepurchase to buy it with this key as well.")]
    BoughtElsewhere,

    /// <summary>The content of the file has changed since the same video was bought from it, and -SkipChanged leaves such files out.</summary>
    [ErrorTraits(
        "ResourceExists",
        "Compare the file with the video that is there. Run the command without -SkipChanged to buy a video of the file as it is now.")]
    ImageChanged,

    /// <summary>Something that nobody foresaw went wrong with one item; the others go on.</summary>
    [ErrorTraits(
        "InvalidResult",
        "Run the command again: what is paid for is not bought again. If the error remains, report it with the output of: $Error[0].Exception | Format-List * -Force.")]
    UnexpectedError,

    /// <summary>A file is not a choice saved by the page of a gallery, is damaged, or says something impossible about a video.</summary>
    [ErrorTraits(
        "InvalidData",
        "Save the choice once more from the page of the gallery, or correct the line that is named. Nothing was changed.")]
    ChoiceInvalid,

    /// <summary>According to the checks of the setup, something would stop a run.</summary>
    [ErrorTraits(
        "ResourceUnavailable",
        "Read what Test-KlingSetup says about each check that failed, fix that, and run it again. Nothing was bought.",
        Fatal = Fatality.Always)]
    SetupUnusable,

    /// <summary>A plan cannot be carried out: damaged, changed, used up, expired, of another version, or made with another ledger, account or service.</summary>
    [ErrorTraits(
        "InvalidData",
        "Make a new plan with ConvertTo-KlingVideo -PlanPath, look at it, and carry that out with -Plan. Nothing that is paid for is lost: the same command without -Plan fetches it.",
        Fatal = Fatality.Always)]
    PlanUnusable,

    /// <summary>An image is not in the plan, or what the plan depends on has changed: the image, its price, or what the ledger has for it.</summary>
    [ErrorTraits(
        "InvalidResult",
        "The others go on. For this one, make a new plan with ConvertTo-KlingVideo -PlanPath; what is bought already is fetched by the same command without -Plan.")]
    PlanDiffers,
}
