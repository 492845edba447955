namespace KlingPS.Sandbox;

/// <summary>One line of the request log.</summary>
/// <param name="Time">When the request arrived.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">Path and query, as sent.</param>
/// <param name="Status">The HTTP status of the response; 0 if the connection was broken on purpose.</param>
/// <param name="Code">The business code in the response, if it had one.</param>
public sealed record SandboxRequest(DateTimeOffset Time, string Method, string Path, int Status, int? Code);
