namespace KlingPS.Sandbox.Http;

/// <summary>
/// One route of the API or upload host. Faults know it by its operation; the sandbox's own routes have none and never fail.
/// PrepareAsync reads the request; all effects belong into the prepared call.
/// </summary>
internal sealed record ApiRoute(
    LoopbackHost Host,
    string Method,
    string Path,
    SandboxOperation? Operation,
    Func<Exchange, CancellationToken, ValueTask<PreparedCall>> PrepareAsync);
