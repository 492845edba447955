using System.Threading.Channels;
using KlingPS.Core.Model;

namespace KlingPS.Core.Callbacks;

/// <summary>Decides what is let in. Knows nothing of sockets, and does no work but to compute signatures.</summary>
internal sealed class CallbackGate
{
    /// <summary>Callbacks that have been taken and not looked into: more than come while a few hundred videos are made.</summary>
    private const int MaxPending = 10_000;

    /// <summary>
    /// How long an unsigned callback is not taken twice: not for long, because a false one must not keep the true one out. Signed ones
    /// are remembered for as long as their time is good.
    /// </summary>
    private static readonly TimeSpan s_unsignedMemory = TimeSpan.FromSeconds(30);

    private readonly string _path;
    private readonly CallbackVerifier? _verifier;
    private readonly ReplayGuard _guard;
    private readonly Channel<CallbackNotice> _accepted = Channel.CreateBounded<CallbackNotice>(MaxPending);
    private readonly long[] _counts = new long[Enum.GetValues<CallbackResult>().Length];

    /// <summary>Creates the gate.</summary>
    /// <param name="path">The path that is listened at; begins and ends with a slash.</param>
    /// <param name="verifier">Checks signatures; <see langword="null"/> to take callbacks unsigned, as hints.</param>
    /// <param name="time">The clock.</param>
    public CallbackGate(string path, CallbackVerifier? verifier, TimeProvider time)
    {
        _path = path;
        _verifier = verifier;
        _guard = new ReplayGuard(verifier is null ? s_unsignedMemory : 2 * verifier.MaxAge, time);
    }

    /// <summary>The callbacks that were let in.</summary>
    public ChannelReader<CallbackNotice> Accepted => _accepted.Reader;

    /// <summary>How many requests were answered how.</summary>
    public CallbackCounts Counts => new([.. Enumerable.Range(0, _counts.Length).Select(i => Interlocked.Read(ref _counts[i]))]);

    /// <summary>Refuses a request by its head, if it can be; <see langword="null"/>: its body has to be read.</summary>
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

        return head.ContentLength > CallbackListener.MaxBody ? CallbackResult.TooLarge
            : _verifier is null ? null
            : ToRefusal(_verifier.CheckHeaders(head.Header(CallbackVerifier.TimestampHeader), head.Header(CallbackVerifier.SignatureHeader)).Verdict);
    }

    /// <summary>Lets a callback in, or refuses it.</summary>
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

        // That a task goes on, told in the same second, must not keep its end out; and of the sender's own words, none makes it another.
        string replayKey = $"{taskId} {timestamp} {(payload.IsPending ? "goes on" : "ended")}";
        if (!_guard.TryEnter(replayKey))
        {
            return CallbackResult.Replayed;
        }

        if (payload.IsPending)
        {
            // Nothing has ended, so there is nothing to look into.
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

    /// <summary>Counts an answer; before it is sent, so that no client has seen more than is counted.</summary>
    /// <returns>How many there have been of its kind.</returns>
    public long Count(CallbackResult result) => Interlocked.Increment(ref _counts[(int)result]);

    /// <summary>Lets the same callback in once more: it could not be confirmed.</summary>
    public void Forget(CallbackNotice notice) => _guard.Forget(notice.ReplayKey);

    /// <summary>Says that nothing more will be let in.</summary>
    public void Complete() => _accepted.Writer.TryComplete();

    /// <summary>The address may be given with or without the slash at the end, and anything may follow it.</summary>
    private bool IsOwnPath(string path)
        => path.StartsWith(_path, StringComparison.Ordinal) || path.AsSpan().SequenceEqual(_path.AsSpan(0, _path.Length - 1));

    private static CallbackResult? ToRefusal(CallbackVerdict verdict) => verdict switch
    {
        CallbackVerdict.Genuine => null,
        CallbackVerdict.TooOld or CallbackVerdict.TooNew => CallbackResult.Stale,
        _ => CallbackResult.Forged,
    };
}
