namespace KlingPS.Sandbox.State;

/// <summary>A sliding window that admits at most <c>limit</c> requests in any span of <c>length</c>, or any number if the limit is null. Refused requests do not count. Not thread-safe.</summary>
internal sealed class RateWindow(int? limit, TimeSpan length)
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
