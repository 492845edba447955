namespace KlingPS.Sandbox.Jobs;

/// <summary>A sliding window: at most so many in any span of that length. What is refused does not count. Not thread-safe.</summary>
internal sealed class RateWindow(int limit, TimeSpan length)
{
    private readonly Queue<DateTimeOffset> _admitted = new();

    internal bool TryEnter(DateTimeOffset now)
    {
        while (_admitted.TryPeek(out DateTimeOffset oldest) && oldest + length <= now)
        {
            _admitted.Dequeue();
        }

        if (_admitted.Count >= limit)
        {
            return false;
        }

        _admitted.Enqueue(now);
        return true;
    }
}
