using System.Threading.Channels;
using KlingPS.Core.Model;

namespace KlingPS.Core.Callbacks;

/// <summary>Decides which requests are admitted as callbacks. Knows nothing about sockets, and does no work other than computing signatures.</summary>
internal sealed class CallbackGate
{
    /// <summary>The longest body, in bytes.</summary>
    public const int MaxBody = 1024 * 1024;

    /// <summary>How many admitted callbacks may wait to be processed: more than come while a few hundred videos are made.</summary>
    private const int MaxPending = 10_000;

    /// <summary>
    /// How long an unsigned callback is not admitted again: a short time, because a forged one must not keep out the real one.
    /// Signed ones are remembered for as long as their signatures are valid.
    /// </summary>
    private static readonly TimeSpan s_unsignedMemory = TimeSpan.FromSeconds(30);

    private readonly string _path;
    private readonly CallbackVerifier? _verifier;
    private readonly ReplayGuard _guard;
    private readonly Channel<CallbackNotice> _accepted = Channel.CreateBounded<CallbackNotice>(MaxPending);
    private readonly long[] _counts = new long[Enum.GetValues<CallbackResult>().Length];

    /// <summary>Creates the gate.</summary>
    /// <param name="path">The listener's path; begins and ends with a slash.</param>
    /// <param name="verifier">Checks signatures; <see langword="null"/> to accept unsigned callbacks, as hints.</param>
    /// <param name="time">The clock.</param>
    public CallbackGate(string path, CallbackVerifier? verifier, TimeProvider time)
    {
        _path = path;
        _verifier = verifier;
        _guard = new ReplayGuard(verifier is null ? s_unsignedMemory : 2 * verifier.MaxAge, time);
    }

    /// <summary>The callbacks that were admitted.</summary>
    public ChannelReader<CallbackNotice> Accepted => _accepted.Reader;

    /// <summary>How many requests were answered, and how.</summary>
    public CallbackCounts Counts => new([.. Enumerable.Range(0, _counts.Length).Select(i => Interlocked.Read(ref _counts[i]))]);

    /// <summary>Refuses a request because of its head; <see langword="null"/> if its body has to be read first.</summary>
    public CallbackResult? JudgeHead(RequestHead head)
    {
        if (!IsOwnPath(head.Path))
        {
            return CallbackResult.WrongPath;
        }

        if (head.Method != "POST")
        {
            return CallbackResult.WrongMethod;
        }

        if (head.ContentLength > MaxBody)
        {
            return CallbackResult.TooLarge;
        }

        return _verifier is null
            ? null
            : ToRefusal(_verifier.CheckHeaders(head.Header(CallbackVerifier.TimestampHeader), head.Header(CallbackVerifier.SignatureHeader)).CallbackVerdict);
    }

    /// <summary>Admits or refuses a request.</summary>
    public CallbackResult Admit(RequestHead head, ReadOnlyMemory<byte> body)
    {
        if (CallbackPayload.Read(body).Payload is not CallbackPayload payload)
        {
            return CallbackResult.Malformed;
        }

        string taskId = payload.TaskIds[0];
        string? timestamp = null;
        if (_verifier is not null)
        {
            timestamp = head.Header(CallbackVerifier.TimestampHeader)!;
            if (_verifier.FindSigned(payload, timestamp, head.Header(CallbackVerifier.SignatureHeader)!) is not string signed)
            {
                return CallbackResult.Forged;
            }

            taskId = signed;
        }

        // A callback that says that a task is pending must not keep out one of the same second that says that it has ended. Nothing
        // else that the sender is free to choose may make two callbacks different.
        string replayKey = $"{taskId} {timestamp} {(payload.IsPending ? "pending" : "ended")}";
        if (!_guard.TryEnter(replayKey))
        {
            return CallbackResult.Replayed;
        }

        if (payload.IsPending)
        {
            // Nothing has ended, so there is nothing to do.
            return CallbackResult.Accepted;
        }

        string? nonce = CallbackNonce.Find(head.Target) ?? CallbackNonce.Find(payload.CallbackUri);
        if (!_accepted.Writer.TryWrite(new CallbackNotice(taskId, nonce, _verifier is not null, replayKey)))
        {
            _guard.Forget(replayKey);
            return CallbackResult.Overloaded;
        }

        return CallbackResult.Accepted;
    }

    /// <summary>Counts a response. Called before it is sent, so that no client has seen more than is counted.</summary>
    /// <returns>How many of its kind there have been.</returns>
    public long Count(CallbackResult result) => Interlocked.Increment(ref _counts[(int)result]);

    /// <summary>Lets the same callback be admitted again, because it could not be confirmed.</summary>
    public void Forget(CallbackNotice notice) => _guard.Forget(notice.ReplayKey);

    /// <summary>Stops admitting callbacks.</summary>
    public void Complete() => _accepted.Writer.TryComplete();

    /// <summary>The address may have been given with or without the slash at the end, and anything may follow it.</summary>
    private bool IsOwnPath(string path)
        => path.StartsWith(_path, StringComparison.Ordinal) || path.AsSpan().SequenceEqual(_path.AsSpan(0, _path.Length - 1));

    private static CallbackResult? ToRefusal(CallbackVerdict verdict) => verdict switch
    {
        CallbackVerdict.Genuine => null,
        CallbackVerdict.TooOld or CallbackVerdict.TooNew => CallbackResult.Stale,
        _ => CallbackResult.Forged,
    };
}

/// <summary>What is kept of an admitted callback: a hint that the service has news about a task.</summary>
/// <param name="TaskId">The service's id.</param>
/// <param name="Nonce">The nonce of the attempt, if it was in the address or the payload.</param>
/// <param name="IsSigned">Whether the service has signed for the task. Without a key, anyone can send a hint.</param>
/// <param name="ReplayKey">Lets the guard forget it.</param>
internal sealed record CallbackNotice(string TaskId, string? Nonce, bool IsSigned, string ReplayKey);
