using System.Security;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Model;

namespace KlingPS.Fuzz.Targets;

/// <summary>The bytes of a connection to the listener: the HTTP request, then the callback that it brings.</summary>
internal sealed class CallbackTarget : FuzzTarget
{
    private const int MaxBody = 64 * 1024;

    private readonly CallbackVerifier _verifier;

    public CallbackTarget()
    {
        using var secret = new SecureString();
        foreach (char c in "whk-0123456789abcdef")
        {
            secret.AppendChar(c);
        }

        _verifier = new CallbackVerifier(CallbackKey.From(secret), CallbackVerifier.DefaultMaxAge, TimeProvider.System);
    }

    public override string Name => "callbacks";

    /// <summary>The listener answers what is malformed or too large by the result that this exception carries.</summary>
    public override bool IsExpected(Exception exception) => exception is RefusedRequestException || base.IsExpected(exception);

    public override async Task ReadAsync(byte[] input)
    {
        Check(input, null);
        using var connection = new MemoryStream(input);
        using var reader = new RequestReader(connection, MaxBody);
        while (await reader.ReadHeadAsync(default).ConfigureAwait(false) is RequestHead head)
        {
            Check(await reader.ReadBodyAsync(head, default).ConfigureAwait(false), head);
        }
    }

    private void Check(ReadOnlyMemory<byte> body, RequestHead? head)
    {
        CallbackReport report = _verifier.Check(body, head?.Header(CallbackVerifier.TimestampHeader), head?.Header(CallbackVerifier.SignatureHeader));
        if (report.IsGenuine)
        {
            throw new BrokenPromiseException("A callback without the right signature was taken for genuine.");
        }

        if (report.TaskId is not null && !ServiceTaskId.IsValid(report.TaskId))
        {
            throw new BrokenPromiseException($"'{report.TaskId}' was taken for the id of a task.");
        }
    }
}
