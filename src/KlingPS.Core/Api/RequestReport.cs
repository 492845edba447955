namespace KlingPS.Core.Api;

/// <summary>One request and its outcome. Holds no headers, so it cannot hold the key.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Uri">The address.</param>
/// <param name="Status">The HTTP status; <see langword="null"/> when no answer came.</param>
/// <param name="Code">The body's <c>code</c>, if it has one.</param>
/// <param name="Elapsed">From the start of sending to the end of the answer.</param>
/// <param name="Error">Why no answer came.</param>
/// <param name="RequestBody">The text that was sent; only when asked for.</param>
/// <param name="ResponseBody">The text that came back; only when asked for.</param>
internal sealed record RequestReport(
    string Method,
    Uri Uri,
    int? Status,
    int? Code,
    TimeSpan Elapsed,
    string? Error,
    string? RequestBody,
    string? ResponseBody)
{
    /// <summary>The image or video the request is for, if the address does not say.</summary>
    public string? Subject { get; init; }
}
