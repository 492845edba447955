using System.Globalization;
using System.Text.Json;

namespace KlingPS.Core.Api.Wire;

/// <summary>
/// An answer of the service, both layers of it: the HTTP status and the envelope <c>{code, msg, data}</c> in the body.
/// </summary>
internal sealed record ApiResponse
{
    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>The body's <c>code</c>. Most errors arrive under HTTP 200, so where there is one it decides.</summary>
    public int? EnvelopeCode { get; init; }

    /// <summary>The body's <c>msg</c>, or <c>message</c> as older pages call it.</summary>
    public string? Message { get; init; }

    /// <summary>The body's <c>data</c>; undefined when it is absent.</summary>
    public JsonElement Data { get; init; }

    /// <summary>How long the service asks to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Where it came from.</summary>
    public Uri? From { get; init; }

    /// <summary>Where it leads, if it is a redirect that says so.</summary>
    public Uri? Location { get; init; }

    /// <summary>Whether it says nothing but to ask elsewhere. The service's own answers never do; proxies and sign-in pages of networks do.</summary>
    public bool IsRedirect => EnvelopeCode is null && Status is (301 or 302 or 303 or 307 or 308);

    /// <summary>The code that decides.</summary>
    public int Code => EnvelopeCode ?? Status;

    /// <summary>Whether the service says yes: code 200 in a body that can be read.</summary>
    public bool IsSuccess => EnvelopeCode == 200;

    /// <summary>Reads a body. What cannot be read leaves the envelope's parts empty.</summary>
    public static ApiResponse Read(int status, string body, TimeSpan? retryAfter)
    {
        var bare = new ApiResponse { Status = status, RetryAfter = retryAfter };
        try
        {
            using var document = JsonDocument.Parse(body);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                return bare;
            }

            return bare with
            {
                EnvelopeCode = ReadCode(root),
                Message = root.Text("msg") ?? root.Text("message") ?? root.Text("error"),
                Data = root.Field("data") is { ValueKind: not JsonValueKind.Undefined } data ? data.Clone() : default,
            };
        }
        catch (JsonException)
        {
            return bare;
        }
    }

    private static int? ReadCode(JsonElement root)
        => int.TryParse(root.Text("code"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int code) ? code : null;
}
