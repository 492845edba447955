using System.Globalization;

namespace KlingPS.Core.Callbacks;

/// <summary>Whether a callback comes from the service, or why not.</summary>
public enum CallbackVerdict
{
    /// <summary>The signature is correct and recent.</summary>
    Genuine,

    /// <summary>A header is missing: the service signs only once an HMAC key has been generated at https://kie.ai/settings.</summary>
    SignatureMissing,

    /// <summary>The signature was made with another key, for another task or for another time.</summary>
    SignatureWrong,

    /// <summary>The timestamp is not a number of seconds.</summary>
    TimestampUnreadable,

    /// <summary>It was signed too long ago.</summary>
    TooOld,

    /// <summary>It was signed too far in the future: one of the two clocks is wrong.</summary>
    TooNew,

    /// <summary>The body is not a JSON object.</summary>
    BodyUnreadable,

    /// <summary>The body names no task.</summary>
    TaskIdMissing,
}

/// <summary>The result of checking one callback.</summary>
public sealed record CallbackReport
{
    internal CallbackReport(CallbackVerdict verdict) => CallbackVerdict = verdict;

    /// <summary>Whether the service has signed it, for this task and recently. The signature does not cover the rest of the body.</summary>
    public bool IsGenuine => CallbackVerdict == CallbackVerdict.Genuine;

    /// <summary>
    /// The verdict, as the word for it: <c>Genuine</c>, <c>SignatureMissing</c>, <c>SignatureWrong</c>, <c>TimestampUnreadable</c>,
    /// <c>TooOld</c>, <c>TooNew</c>, <c>BodyUnreadable</c> or <c>TaskIdMissing</c>; <see cref="Callbacks.CallbackVerdict"/> says what each means.
    /// </summary>
    public string Verdict => CallbackVerdict.ToString();

    /// <summary>The task: the id that the signature covers, else the first one in the body.</summary>
    public string? TaskId { get; init; }

    /// <summary>The state in the body, in the service's own words.</summary>
    public string? State { get; init; }

    /// <summary>How long ago it was signed; negative if its timestamp is in the future.</summary>
    public TimeSpan? Age { get; init; }

    /// <summary>The verdict as a sentence.</summary>
    public string Reason => CallbackVerdict switch
    {
        CallbackVerdict.Genuine => "The signature is correct.",
        CallbackVerdict.SignatureMissing => "It is not signed: X-Webhook-Timestamp or X-Webhook-Signature is missing. The service signs callbacks once an HMAC key has been generated at https://kie.ai/settings.",
        CallbackVerdict.SignatureWrong => "The signature is wrong: it was made with another key, for another task or for another time.",
        CallbackVerdict.TimestampUnreadable => "The timestamp is not a number of seconds since 1970.",
        CallbackVerdict.TooOld => string.Create(CultureInfo.InvariantCulture, $"It was signed {Age?.TotalSeconds:0} seconds ago, which is too long."),
        CallbackVerdict.TooNew => string.Create(CultureInfo.InvariantCulture, $"It was signed {-Age?.TotalSeconds:0} seconds in the future; check the clock of this machine."),
        CallbackVerdict.BodyUnreadable => "The body is not a JSON object. Pass the text as it was received, not the path of a file and not the object that a web server has made of it.",
        _ => "The body does not name a task.",
    };

    /// <summary><see cref="Verdict"/> for the engine. Users get text, because ConvertTo-Json writes an enum as a number.</summary>
    internal CallbackVerdict CallbackVerdict { get; init; }
}
