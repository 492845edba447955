using KlingPS.Core.Api;

namespace KlingPS.Core;

/// <summary>Tells errors of one item from those that every further item would meet as well.</summary>
public static class FatalErrors
{
    /// <summary>Whether going on is of no use: no key, a bad key, no credits, no ledger, or a service that is not there.</summary>
    public static bool IsFatal(this KlingException exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return exception.Kind switch
        {
            ErrorKind.ApiKeyMissing or ErrorKind.Unauthorized or ErrorKind.CreditsInsufficient or ErrorKind.KeyCapReached or ErrorKind.FeatureDisabled or ErrorKind.LedgerUnusable => true,
            ErrorKind.ServiceUnavailable => exception is KlingApiException { IsTransient: true } or KlingApiException { Code: >= 300 and < 400 },
            _ => false,
        };
    }
}
