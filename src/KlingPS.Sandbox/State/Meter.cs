namespace KlingPS.Sandbox.State;

/// <summary>Counts what clients do.</summary>
internal sealed class Meter
{
    private readonly object _gate = new();
    private readonly Dictionary<int, int> _refusals = [];
    private int _creates;
    private int _queries;
    private int _queriesRefused;
    private int _callbacksDelivered;
    private int _callbacksRefused;
    private int _uploads;
    private long _uploadedBytes;
    private int _downloads;
    private long _downloadedBytes;
    private int _keyLeaks;

    internal void CountRequest(SandboxOperation? operation)
    {
        lock (_gate)
        {
            switch (operation)
            {
                case SandboxOperation.Create:
                    _creates++;
                    break;
                case SandboxOperation.Query:
                    _queries++;
                    break;
            }
        }
    }

    internal void CountResponse(SandboxOperation? operation, int code)
    {
        if (code == 200)
        {
            return;
        }

        lock (_gate)
        {
            switch (operation)
            {
                case SandboxOperation.Create:
                    _refusals[code] = _refusals.GetValueOrDefault(code) + 1;
                    break;
                case SandboxOperation.Query:
                    _queriesRefused++;
                    break;
            }
        }
    }

    internal void CountCallback(bool isDelivered)
    {
        lock (_gate)
        {
            _callbacksDelivered += isDelivered ? 1 : 0;
            _callbacksRefused += isDelivered ? 0 : 1;
        }
    }

    internal void CountUpload(long bytes)
    {
        lock (_gate)
        {
            _uploads++;
            _uploadedBytes += bytes;
        }
    }

    internal void CountDownload(bool leaksKey)
    {
        lock (_gate)
        {
            _downloads++;
            _keyLeaks += leaksKey ? 1 : 0;
        }
    }

    internal void CountDownloadedBytes(long bytes) => Interlocked.Add(ref _downloadedBytes, bytes);

    internal SandboxBill ToBill(AccountStatement account, SandboxRequest[] requests)
    {
        lock (_gate)
        {
            return new SandboxBill
            {
                CreatesReceived = _creates,
                CreatesAccepted = account.Tasks.Count,
                CreatesRefused = _refusals.Values.Sum(),
                Refusals = new Dictionary<int, int>(_refusals),
                RateRefusals = _refusals.GetValueOrDefault(429),
                Queries = _queries,
                QueriesRefused = _queriesRefused,
                CallbacksDelivered = _callbacksDelivered,
                CallbacksRefused = _callbacksRefused,
                Uploads = _uploads,
                UploadedBytes = _uploadedBytes,
                Downloads = _downloads,
                DownloadedBytes = Interlocked.Read(ref _downloadedBytes),
                KeyLeaks = _keyLeaks,
                CreditsSpent = account.Spent,
                CreditsHeld = account.Held,
                CreditsLeft = account.Left,
                Tasks = account.Tasks,
                TasksPerImage = account.Tasks
                    .GroupBy(static task => task.ImageSha256 ?? task.ImageUri?.OriginalString ?? task.Prompt)
                    .ToDictionary(static image => image.Key, static image => image.Count()),
                Requests = requests,
            };
        }
    }
}
