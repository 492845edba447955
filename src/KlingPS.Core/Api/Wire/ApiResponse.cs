using System.Text.Json;
using KlingPS.Core.Model;
using KlingPS.Core.Network;
using KlingPS.Core.Resilience;

namespace KlingPS.Core.Api.Wire;

/// <summary>
/// An answer of the service, both layers of it: the HTTP status and the envelope <c>{code, msg, data}</c> in the body.
/// </summary>
internal sealed record ApiResponse
{
    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>The body's <c>code</c>. Most errors arrive under HTTP 200, so if there is one, it decides.</summary>
    public int? EnvelopeCode { get; init; }

    /// <summary>The body's <c>msg</c>, or <c>message</c> as older pages call it, cut to a length.</summary>
    public string? Message { get; init; }

    /// <summary>The body's <c>data</c>; undefined when it is absent.</summary>
    public JsonElement Data { get; init; }

    /// <summary>
    /// Whether the body says <c>success: false</c>, itself or in its <c>data</c>. Uploads do so, even with code 200 and next to an address.
    /// </summary>
    public bool IsDenied { get; init; }

    /// <summary>What the body is, if it is not an answer of the service, such as <c>a web page ("Sign in")</c>.</summary>
    public string? Foreign { get; init; }

    /// <summary>Whether a web page came with a status of success: then a network's sign-in page or another site has answered, not the service.</summary>
    public bool IsPage => EnvelopeCode is null && Status is >= 200 and < 300 && Foreign?.StartsWith(ForeignContent.Page, StringComparison.Ordinal) == true;

    /// <summary>The body without the key, or the beginning of one that is too long to be read.</summary>
    public string Body { get; init; } = string.Empty;

    /// <summary>How the rest of it was lost, if the connection broke within it. Only of a purchase: there, even a part of it may name the task.</summary>
    public KlingApiException? Loss { get; init; }

    /// <summary>How long the service asks to wait.</summary>
    public RetryAfter? RetryAfter { get; init; }

    /// <summary>Where it came from.</summary>
    public Uri? From { get; init; }

    /// <summary>Where it leads, if it is a redirect that says so.</summary>
    public Uri? Location { get; init; }

    /// <summary>Whether it only says to ask elsewhere. The service's own answers never do; proxies and sign-in pages of networks do.</summary>
    public bool IsRedirect => EnvelopeCode is null && Status is (301 or 302 or 303 or 307 or 308);

    /// <summary>
    /// Whether the HTTP status is one that only something in front of the service gives, such as a timeout. A body in
    /// the service's own form may then come from a gateway as well, and what the service has done is not known.
    /// </summary>
    public bool IsFromGateway => Status == 503 || IsPassedOn;

    /// <summary>Whether that status comes from something that passed the request on and does not know the outcome. 503 may mean that the request was not accepted.</summary>
    public bool IsPassedOn => Status is 408 or 502 or 504 or (>= 520 and < 600);

    /// <summary>The code that decides.</summary>
    public int Code => EnvelopeCode ?? Status;

    /// <summary>Whether the service says yes: code 200 in a body that can be read.</summary>
    public bool IsSuccess => EnvelopeCode == 200;

    /// <summary>Reads a body. What cannot be read leaves the envelope's parts empty.</summary>
    public static ApiResponse Read(int status, string body, RetryAfter? retryAfter)
    {
        var bare = new ApiResponse { Status = status, RetryAfter = retryAfter, Foreign = ForeignContent.Describe(body) };
        try
        {
            using var document = JsonDocument.Parse(body);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                return bare;
            }

            JsonElement data = root.Field("data");
            return bare with
            {
                EnvelopeCode = root.Integer("code"),
                Message = ReceivedText.Cut(root.Text("msg") ?? root.Text("message") ?? root.Text("error"), ReceivedText.MaxMessageLength),
                Data = data.ValueKind != JsonValueKind.Undefined ? data.Clone() : default,
                IsDenied = root.Flag("success") == false || data.Flag("success") == false,
            };
        }
        catch (JsonException)
        {
            return bare;
        }
    }
}
