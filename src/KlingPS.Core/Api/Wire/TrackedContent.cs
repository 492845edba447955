using System.Net;

namespace KlingPS.Core.Api.Wire;

/// <summary>
/// A body that remembers whether any of it was handed to the network. While none was, the service cannot have acted on the request.
/// </summary>
internal abstract class TrackedContent : HttpContent
{
    private int _started;

    /// <summary>Whether the body has begun to leave.</summary>
    public bool HasStarted => Volatile.Read(ref _started) == 1;

    /// <summary>Called when the connection is made and the body is about to leave; if it throws, nothing leaves.</summary>
    public Func<Task>? Leaving { get; init; }

    protected sealed override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected sealed override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (Leaving is not null)
        {
            await Leaving().ConfigureAwait(false);
        }

        Volatile.Write(ref _started, 1);
        await WriteAsync(stream, cancellationToken).ConfigureAwait(false);
    }

    protected abstract Task WriteAsync(Stream stream, CancellationToken cancellationToken);
}
