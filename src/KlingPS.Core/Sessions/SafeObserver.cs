using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Api;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Sessions;

/// <summary>Keeps an observer's exceptions from those who notify it: a line that cannot be shown must not cost the answer to a purchase.</summary>
/// <param name="observer">The observer.</param>
internal sealed class SafeObserver(IPipelineObserver observer) : IPipelineObserver
{
    /// <inheritdoc/>
    public bool WantsBodies
    {
        get
        {
            bool wantsBodies = false;
            Try(() => wantsBodies = observer.WantsBodies);
            return wantsBodies;
        }
    }

    /// <inheritdoc/>
    public bool WantsEvents
    {
        get
        {
            bool wantsEvents = false;
            Try(() => wantsEvents = observer.WantsEvents);
            return wantsEvents;
        }
    }

    /// <inheritdoc/>
    public void OnEvent(RunEvent happened) => Try(() => observer.OnEvent(happened));

    /// <inheritdoc/>
    public void OnRequest(RequestReport report) => Try(() => observer.OnRequest(report));

    /// <inheritdoc/>
    public void OnRetry(string reason, TimeSpan delay) => Try(() => observer.OnRetry(reason, delay));

    /// <inheritdoc/>
    public void OnWarning(string message) => Try(() => observer.OnWarning(message));

    /// <inheritdoc/>
    public void OnNotice(string message) => Try(() => observer.OnNotice(message));

    /// <inheritdoc/>
    public void OnTransfer(Transfer transfer) => Try(() => observer.OnTransfer(transfer));

    [SuppressMessage("Design", "CA1031", Justification = "Whatever an observer throws, the work it watches goes on.")]
    private static void Try(Action tell)
    {
        try
        {
            tell();
        }
        catch (Exception)
        {
        }
    }
}
