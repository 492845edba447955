using KlingPS.Sandbox.Http;
using KlingPS.Sandbox.State;
using KlingPS.Sandbox.Wire;

namespace KlingPS.Sandbox.Routes;

/// <summary>
/// One route of the API or upload host. Faults refer to it by its operation; the sandbox's own routes have none and never
/// fail. PrepareAsync reads the request; all effects belong in the prepared call.
/// </summary>
internal sealed record ApiRoute(
    LoopbackHost Host,
    string Method,
    string Path,
    SandboxOperation? Operation,
    Func<Exchange, Account, CancellationToken, ValueTask<PreparedCall>> PrepareAsync);

/// <summary>A request that has been read but has had no effect yet, so that a fault can still come first.</summary>
internal sealed class PreparedCall(string matchText, Func<SandboxFault?, ApiResponse> execute, IDisposable? resources = null) : IDisposable
{
    /// <summary>The text in which <see cref="SandboxFault.Match"/> is looked for.</summary>
    internal string MatchText { get; } = matchText;

    /// <summary>Whether that kind of fault would make a difference to this request.</summary>
    internal Func<SandboxFaultKind, bool> Admits { get; init; } = static _ => true;

    /// <summary>Takes effect and returns the response.</summary>
    internal ApiResponse Execute(SandboxFault? fault) => execute(fault);

    /// <summary>Releases what the call has not used.</summary>
    public void Dispose() => resources?.Dispose();
}
