namespace KlingPS.Core.Callbacks;

/// <summary>Whether a callback is the service's, or why it is not.</summary>
public enum CallbackVerdict
{
    /// <summary>The signature is right and fresh.</summary>
    Genuine,

    /// <summary>A header is missing: the service signs only when an HMAC key has been generated at https://kie.ai/settings.</summary>
    SignatureMissing,

    /// <summary>The signature was made with another key, for another task or for another time.</summary>
    SignatureWrong,

    /// <summary>The timestamp is no number of seconds.</summary>
    TimestampUnreadable,

    /// <summary>It was signed too long ago.</summary>
    TooOld,

    /// <summary>It was signed too far in the future: one of the two clocks is wrong.</summary>
    TooNew,

    /// <summary>The body is not JSON, or no object.</summary>
    BodyUnreadable,

    /// <summary>The body names no task.</summary>
    TaskIdMissing,
}
