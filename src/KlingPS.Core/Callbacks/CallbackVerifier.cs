using System.Globalization;
using System.Security.Cryptography;

namespace KlingPS.Core.Callbacks;

/// <summary>Checks whether callbacks were signed by the service, and recently. Has no state and makes no requests.</summary>
internal sealed class CallbackVerifier
{
    /// <summary>The header with the unix seconds of the signature.</summary>
    public const string TimestampHeader = "X-Webhook-Timestamp";

    /// <summary>The header with the signature in base64.</summary>
    public const string SignatureHeader = "X-Webhook-Signature";

    /// <summary>How old a signature may be unless another age is given, as in other clients of the service.</summary>
    public static readonly TimeSpan DefaultMaxAge = TimeSpan.FromMinutes(5);

    /// <summary>2100-01-01. Later timestamps are rejected; time arithmetic cannot overflow below it.</summary>
    private const long EndOfTime = 4_102_444_800;

    private readonly CallbackKey _key;
    private readonly TimeProvider _time;

    /// <summary>Creates the verifier.</summary>
    /// <param name="key">The account's HMAC key.</param>
    /// <param name="maxAge">How old a signature may be, and how far in the future. More than zero.</param>
    /// <param name="time">The clock.</param>
    public CallbackVerifier(CallbackKey key, TimeSpan maxAge, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(maxAge, TimeSpan.Zero);
        _key = key;
        MaxAge = maxAge;
        _time = time;
    }

    /// <summary>How old a signature may be, and how far in the future.</summary>
    public TimeSpan MaxAge { get; }

    /// <summary>Checks a callback.</summary>
    /// <param name="body">The body as it was received: JSON in UTF-8.</param>
    /// <param name="timestamp">The header <see cref="TimestampHeader"/>.</param>
    /// <param name="signature">The header <see cref="SignatureHeader"/>.</param>
    public CallbackReport Check(ReadOnlyMemory<byte> body, string? timestamp, string? signature)
    {
        (CallbackPayload? payload, CallbackVerdict problem) = CallbackPayload.Read(body);
        CallbackReport report = CheckHeaders(timestamp, signature) with { TaskId = payload?.TaskIds[0], State = payload?.State };
        return !report.IsGenuine ? report
            : payload is null ? report with { CallbackVerdict = problem }
            : FindSigned(payload, timestamp!, signature!) is string taskId ? report with { TaskId = taskId }
            : report with { CallbackVerdict = CallbackVerdict.SignatureWrong };
    }

    /// <summary>Checks what can be checked without the body. <see cref="CallbackVerdict.Genuine"/>: nothing is wrong so far.</summary>
    internal CallbackReport CheckHeaders(string? timestamp, string? signature)
    {
        if (string.IsNullOrWhiteSpace(timestamp) || string.IsNullOrWhiteSpace(signature))
        {
            return new CallbackReport(CallbackVerdict.SignatureMissing);
        }

        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) || seconds >= EndOfTime)
        {
            return new CallbackReport(CallbackVerdict.TimestampUnreadable);
        }

        TimeSpan age = _time.GetUtcNow() - DateTimeOffset.FromUnixTimeSeconds(seconds);
        return new CallbackReport(age > MaxAge ? CallbackVerdict.TooOld : age < -MaxAge ? CallbackVerdict.TooNew : CallbackVerdict.Genuine) { Age = age };
    }

    /// <summary>The id in the payload that the signature covers. Every id is checked, so that the time it takes does not reveal which one it is.</summary>
    internal string? FindSigned(CallbackPayload payload, string timestamp, string signature)
    {
        byte[] given = new byte[HMACSHA256.HashSizeInBytes];
        if (!Convert.TryFromBase64String(signature, given, out int length) || length != given.Length)
        {
            return null;
        }

        string? signed = null;
        foreach (string taskId in payload.TaskIds)
        {
            if (CryptographicOperations.FixedTimeEquals(_key.Sign(taskId, timestamp), given))
            {
                signed = taskId;
            }
        }

        return signed;
    }
}
