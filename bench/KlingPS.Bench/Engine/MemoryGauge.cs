namespace KlingPS.Bench.Engine;

/// <summary>Watches this process's memory.</summary>
internal sealed class MemoryGauge
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly long _residentBefore = Environment.WorkingSet;
    private readonly long _heapBefore = GC.GetTotalMemory(forceFullCollection: false);
    private long _resident;
    private long _heap;

    public ClientReport.Growth Resident => new(_residentBefore, _resident);

    public ClientReport.Growth Heap => new(_heapBefore, _heap);

    public async Task WatchAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            _resident = Math.Max(_resident, Environment.WorkingSet);
            _heap = Math.Max(_heap, GC.GetTotalMemory(forceFullCollection: false));
            await Task.Delay(s_pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
