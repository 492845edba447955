namespace KlingPS.Sandbox.Http;

/// <summary>The latest requests, up to a fixed number.</summary>
internal sealed class RequestLog
{
    internal const int Capacity = 10_000;

    private readonly Queue<SandboxRequest> _requests = new();

    internal void Add(SandboxRequest request)
    {
        lock (_requests)
        {
            if (_requests.Count == Capacity)
            {
                _requests.Dequeue();
            }

            _requests.Enqueue(request);
        }
    }

    internal SandboxRequest[] Snapshot()
    {
        lock (_requests)
        {
            return [.. _requests];
        }
    }
}
