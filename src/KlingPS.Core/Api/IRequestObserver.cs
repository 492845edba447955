namespace KlingPS.Core.Api;

/// <summary>Notified of every request. Called on any thread; must not block.</summary>
internal interface IRequestObserver
{
    /// <summary>Whether <see cref="RequestReport.RequestBody"/> and <see cref="RequestReport.ResponseBody"/> are wanted.</summary>
    bool WantsBodies { get; }

    /// <summary>A request has ended.</summary>
    void OnRequest(RequestReport report);

    /// <summary>A request did not succeed and will be sent again after a pause.</summary>
    /// <param name="reason">What happened.</param>
    /// <param name="delay">How long the pause is.</param>
    void OnRetry(string reason, TimeSpan delay);
}
