namespace KlingPS.Core.Callbacks;

/// <summary>How a request to the listener was answered.</summary>
public enum CallbackResult
{
    /// <summary>200: taken.</summary>
    Accepted,

    /// <summary>401: not signed, or not by the account's key.</summary>
    Forged,

    /// <summary>401: signed too long ago, or too far in the future.</summary>
    Stale,

    /// <summary>409: the same callback has been taken before.</summary>
    Replayed,

    /// <summary>413: more than 1 MiB, or a head of more than 16 KiB.</summary>
    TooLarge,

    /// <summary>408: it was not there in time.</summary>
    TooSlow,

    /// <summary>400: no HTTP, no JSON, or no task in it.</summary>
    Malformed,

    /// <summary>405: not a POST.</summary>
    WrongMethod,

    /// <summary>404: not under the path that is listened at.</summary>
    WrongPath,

    /// <summary>503: more have been taken than could be looked into yet; the service sends it again.</summary>
    Overloaded,
}
