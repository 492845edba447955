using System.Globalization;

namespace KlingPS.Core.Callbacks;

/// <summary>What the check of one callback has shown.</summary>
public sealed record CallbackReport
{
    /// <summary>Whether the service has signed it, for this task and lately. The rest of the body is not covered by the signature.</summary>
    public bool IsGenuine => Verdict == CallbackVerdict.Genuine;

    /// <summary>The outcome in one word.</summary>
    public required CallbackVerdict Verdict { get; init; }

    /// <summary>The task: the id that the signature covers, else the first in the body.</summary>
    public string? TaskId { get; init; }

    /// <summary>The state in the body, in the service's own word.</summary>
    public string? State { get; init; }

    /// <summary>How long ago it was signed; negative when by its timestamp that is still to come.</summary>
    public TimeSpan? Age { get; init; }

    /// <summary>The outcome in a sentence.</summary>
    public string Reason => Verdict switch
    {
        CallbackVerdict.Genuine => "The signature is right.",
        CallbackVerdict.SignatureMissing => "It is not signed: X-Webhook-Timestamp or X-Webhook-Signature is missing. The service signs once an HMAC key has been generated at https://kie.ai/settings.",
        CallbackVerdict.SignatureWrong => "The signature is wrong: it was made with another key, for another task or for another time.",
        CallbackVerdict.TimestampUnreadable => "The timestamp is no number of seconds since 1970.",
        CallbackVerdict.TooOld => string.Create(CultureInfo.InvariantCulture, $"It was signed {Age?.TotalSeconds:0} seconds ago, which is too long."),
        CallbackVerdict.TooNew => string.Create(CultureInfo.InvariantCulture, $"It was signed {-Age?.TotalSeconds:0} seconds in the future; check the clock of this machine."),
        CallbackVerdict.BodyUnreadable => "The body is no JSON object. It has to be the text as it was received, not the path of a file and not the object that a web server has made of it.",
        _ => "The body names no task.",
    };
}
