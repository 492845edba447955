using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;

namespace KlingPS.Errors;

/// <summary>Makes every error record of the module: stable id, fitting category, and what to do about it.</summary>
internal static class ErrorRecords
{
    /// <summary>The record of an error.</summary>
    /// <param name="exception">What happened.</param>
    /// <param name="target">The file or the task it happened to.</param>
    public static ErrorRecord From(KlingException exception, object? target)
        => new(exception, "Kling" + exception.Kind, CategoryOf(exception.Kind), target)
        {
            ErrorDetails = new ErrorDetails(exception.Message) { RecommendedAction = AdviceOn(exception.Kind, target) },
        };

    /// <summary>What the user can do, with the number of the task in it where there is one to type.</summary>
    public static string AdviceOn(ErrorKind kind, object? target)
        => target is KlingVideoTask task ? AdviceOn(kind).Replace("<id>", task.Id.ToString(CultureInfo.InvariantCulture), StringComparison.OrdinalIgnoreCase) : AdviceOn(kind);

    /// <summary>PowerShell's category of a condition.</summary>
    public static ErrorCategory CategoryOf(ErrorKind kind) => kind switch
    {
        ErrorKind.Unauthorized or ErrorKind.ApiKeyMissing => ErrorCategory.AuthenticationError,
        ErrorKind.CreditsInsufficient or ErrorKind.KeyCapReached or ErrorKind.BudgetExceeded => ErrorCategory.QuotaExceeded,
        ErrorKind.TaskNotFound or ErrorKind.PathNotFound => ErrorCategory.ObjectNotFound,
        ErrorKind.RequestInvalid => ErrorCategory.InvalidArgument,
        ErrorKind.RateLimited => ErrorCategory.LimitsExceeded,
        ErrorKind.ServiceUnavailable or ErrorKind.LedgerUnusable or ErrorKind.ListenerUnusable => ErrorCategory.ResourceUnavailable,
        ErrorKind.TaskFailed => ErrorCategory.InvalidResult,
        ErrorKind.FeatureDisabled => ErrorCategory.NotEnabled,
        ErrorKind.AttemptUnknown => ErrorCategory.ConnectionError,
        ErrorKind.WaitTimeout => ErrorCategory.OperationTimeout,
        ErrorKind.TaskPending => ErrorCategory.ResourceBusy,
        ErrorKind.AnswerInvalid or ErrorKind.ImageUnsupported or ErrorKind.DownloadIncomplete => ErrorCategory.InvalidData,
        ErrorKind.FileUnreadable => ErrorCategory.ReadError,
        ErrorKind.FileExists => ErrorCategory.ResourceExists,
        ErrorKind.DestinationUnusable => ErrorCategory.WriteError,
        ErrorKind.LinkExpired => ErrorCategory.ResourceUnavailable,
        ErrorKind.CallbackRefused => ErrorCategory.SecurityError,
        ErrorKind.SandboxNotRunning => ErrorCategory.ObjectNotFound,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>What the user can do, in plain words.</summary>
    public static string AdviceOn(ErrorKind kind) => kind switch
    {
        ErrorKind.Unauthorized =>
            "Check the key at https://kie.ai/api-key, and whether it may be used from this machine's address; then run Connect-KlingAccount again.",
        ErrorKind.ApiKeyMissing =>
            "If you have no key yet, get one at https://kie.ai/api-key. Set-KlingApiKey stores it for all sessions, Connect-KlingAccount -ApiKey (Read-Host -AsSecureString) takes it for this one, and unattended runs may set the environment variable KIE_API_KEY. To try things out without a key: Connect-KlingAccount -Sandbox.",
        ErrorKind.CreditsInsufficient =>
            "Add credits at https://kie.ai/billing, then run the same command for the images that are left. What was accepted before goes on: Get-KlingVideoTask -State Waiting, Queuing, Generating | Wait-KlingVideoTask | Save-KlingVideo.",
        ErrorKind.KeyCapReached =>
            "Raise the cap of this key at https://kie.ai/api-key, wait until it resets, or connect with another key.",
        ErrorKind.TaskNotFound =>
            "Check the id with Get-KlingVideoTask, that you are connected with the key the task was made with (Get-KlingAccount), and -Endpoint if you have given one.",
        ErrorKind.RequestInvalid =>
            "Correct the value and run the command again; nothing was bought.",
        ErrorKind.RateLimited =>
            "Wait a minute and run the command again; other programs may be using the same account.",
        ErrorKind.ServiceUnavailable =>
            "Check the network and Get-KlingAccount, then run the command again later. Tasks that were accepted go on: Get-KlingVideoTask -State Waiting, Queuing, Generating | Wait-KlingVideoTask | Save-KlingVideo.",
        ErrorKind.TaskFailed =>
            "Read the reason. Change the prompt or the image, or try the same again with New-KlingVideoTask or ConvertTo-KlingVideo -RetryFailed.",
        ErrorKind.FeatureDisabled =>
            "The service has switched this off for now; see https://kie.ai for news, or choose another -Model.",
        ErrorKind.AttemptUnknown =>
            "Look at https://kie.ai/logs whether the task is there. If it is: Resolve-KlingVideoTask <Id> -TaskId <the service's id>. If it is not: Resolve-KlingVideoTask <Id> -Abandon, or -Resubmit to buy it again.",
        ErrorKind.WaitTimeout =>
            "Take it up again at any time: Get-KlingVideoTask -Id <id> | Wait-KlingVideoTask | Save-KlingVideo.",
        ErrorKind.TaskPending =>
            "Wait for it first: Get-KlingVideoTask -Id <id> | Wait-KlingVideoTask | Save-KlingVideo.",
        ErrorKind.AnswerInvalid =>
            "Run the command again; if it goes on, look with -Debug at what the service answers, and check -Endpoint.",
        ErrorKind.ImageUnsupported =>
            "Give a JPEG, PNG or WebP image of at most 10 MB; Test-KlingImage -Detailed tells what is wrong with a file.",
        ErrorKind.BudgetExceeded =>
            "Raise the limit, or run the command again when the budget allows it; nothing was bought beyond it.",
        ErrorKind.PathNotFound =>
            "Check the path. A name with [ or ] in it goes to -LiteralPath.",
        ErrorKind.FileUnreadable =>
            "Check the permissions of the file, and that no other program has locked it; or run the command again if the file was being written.",
        ErrorKind.FileExists =>
            "Use -Force to overwrite it, or choose another -Destination or -NameTemplate.",
        ErrorKind.DestinationUnusable =>
            "Check that the folder exists, is writable and has room, or choose another -Destination. Nothing is lost: a video that is paid for can be fetched again, with Get-KlingVideoTask -Id <id> | Save-KlingVideo or the same ConvertTo-KlingVideo command.",
        ErrorKind.DownloadIncomplete =>
            "Run it again, which goes on where it stopped: Get-KlingVideoTask -Id <id> | Save-KlingVideo. The video is paid for and stays at the service for at least a day.",
        ErrorKind.LinkExpired =>
            "Ask the service once more with Get-KlingVideoTask -Id <id> -Refresh; the service keeps videos for 14 days at most. To buy it anew, use -Take with another number.",
        ErrorKind.LedgerUnusable =>
            "Nothing was sent. Make the file usable, or name another with the environment variable KLINGPS_LEDGER; about_KlingPS_Ledger says how to recover one.",
        ErrorKind.ListenerUnusable =>
            "Choose another port or address with -Prefix and tell the tunnel or proxy in front of it, or end the program that has this one.",
        ErrorKind.CallbackRefused =>
            "Compare the key with the one at https://kie.ai/settings, and look with Test-KlingCallback -Detailed at what is wrong. Wait-KlingVideoTask gets the video without a callback.",
        ErrorKind.SandboxNotRunning =>
            "Start one with Start-KlingSandbox, or with Connect-KlingAccount -Sandbox.",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };
}
