namespace KlingPS.Core.Sessions;

/// <summary>How far a download has come.</summary>
/// <param name="BytesDone">Bytes on disk, those of earlier runs included. Falls back to 0 when a download has to start over.</param>
/// <param name="BytesTotal">Length of the video in bytes; null while unknown.</param>
internal readonly record struct TransferProgress(long BytesDone, long? BytesTotal);

/// <summary>Tells an observer of the progress of one transfer, ten times a second at most: a fast line moves thousands of pieces in that time.</summary>
internal sealed class TransferReporter : IProgress<long>, IProgress<TransferProgress>, IDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private static long s_lastId;

    private readonly long _id = Interlocked.Increment(ref s_lastId);
    private readonly IPipelineObserver? _observer;
    private readonly TimeProvider _time;
    private readonly string _name;
    private readonly bool _isUpload;
    private readonly long? _total;
    private long? _reported;
    private long _bytes;

    public TransferReporter(IPipelineObserver? observer, TimeProvider time, string name, bool isUpload, long? total)
    {
        _observer = observer;
        _time = time;
        _name = name;
        _isUpload = isUpload;
        _total = total;
    }

    public void Report(long value) => Report(value, _total);

    public void Report(TransferProgress value) => Report(value.BytesDone, value.BytesTotal);

    /// <summary>Says that the transfer is over.</summary>
    public void Dispose() => _observer?.OnTransfer(new Transfer(_id, _name, _isUpload, _bytes, _total, IsOver: true));

    private void Report(long bytes, long? total)
    {
        _bytes = bytes;
        if (_observer is not null && (_reported is not long reported || _time.GetElapsedTime(reported) >= s_pause))
        {
            _reported = _time.GetTimestamp();
            _observer.OnTransfer(new Transfer(_id, _name, _isUpload, bytes, total, IsOver: false));
        }
    }
}
