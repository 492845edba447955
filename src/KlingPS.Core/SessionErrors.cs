namespace KlingPS.Core;

/// <summary>A ledger is used that has been closed, with the session that it belonged to.</summary>
internal sealed class LedgerClosedException() : ObjectDisposedException("ledger");

/// <summary>Errors of work that has outlived its session.</summary>
internal static class SessionErrors
{
    /// <summary>The error of a request that cannot be sent because its session has ended.</summary>
    /// <param name="cause">What the request met, if it was begun.</param>
    public static KlingException CreateEndedException(Exception? cause = null) => new(
        ErrorKind.ApiKeyMissing,
        "The session was ended while this command was working, by Disconnect-KlingAccount, by Connect-KlingAccount or with the module. Nothing more is sent. "
        + "Tasks that were accepted continue; connect again, then: Get-KlingVideoTask -State Waiting, Queuing, Generating | Wait-KlingVideoTask | Save-KlingVideo. "
        + "Videos that are made: Get-KlingVideoTask -Unsaved | Save-KlingVideo.",
        cause)
    {
        Advice = "Connect again with Connect-KlingAccount, then run the same command: what is paid for is not bought again.",
    };
}
