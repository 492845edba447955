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

    protected sealed override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected sealed override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _started, 1);
        return WriteAsync(stream, cancellationToken);
    }

    protected abstract Task WriteAsync(Stream stream, CancellationToken cancellationToken);
}
