using System.Collections.Concurrent;
using KlingPS.Core.Api;
using KlingPS.Core.Reporting;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Tests.Api;

internal sealed class RecordingObserver : IPipelineObserver
{
    public ConcurrentQueue<RequestReport> Requests { get; } = new();

    public ConcurrentQueue<TimeSpan> Pauses { get; } = new();

    /// <summary>Why it paused, each time.</summary>
    public ConcurrentQueue<string> Reasons { get; } = new();

    public ConcurrentQueue<string> Warnings { get; } = new();

    public ConcurrentQueue<string> Notices { get; } = new();

    public ConcurrentQueue<Transfer> Transfers { get; } = new();

    public ConcurrentQueue<RunEvent> Events { get; } = new();

    /// <summary>Ends when the first pause begins.</summary>
    public TaskCompletionSource Paused { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool WantsBodies { get; init; }

    public bool WantsEvents { get; init; }

    public void OnRequest(RequestReport report) => Requests.Enqueue(report);

    public void OnRetry(string reason, TimeSpan delay)
    {
        Reasons.Enqueue(reason);
        Pauses.Enqueue(delay);
        Paused.TrySetResult();
    }

    public void OnWarning(string message) => Warnings.Enqueue(message);

    public void OnNotice(string message) => Notices.Enqueue(message);

    public void OnEvent(RunEvent happened) => Events.Enqueue(happened);

    public void OnTransfer(Transfer transfer) => Transfers.Enqueue(transfer);
}
