using KlingPS.Core.Model;
using KlingPS.Core.Network;
using KlingPS.Core.Resilience;

namespace KlingPS.Core.Api.Wire;

/// <summary>Decides what a response that is not a success means.</summary>
internal static class ResponseClassifier
{
    /// <summary>The code with which the service answers a query for a task that it does not have. Another one, such as 404, may be about a wrong address.</summary>
    public const int NoSuchTask = 422;

    /// <summary>How much of a host is shown, in characters.</summary>
    private const int LongestShown = 200;

    /// <summary>
    /// Every response that is not a success; the first row that matches decides. <c>Refusal</c> says whether the response
    /// to a create request proves that no task was made. The service validates before it bills, so its own error codes do. What a
    /// gateway says does not: the service behind it may have carried the request out. Of redirects, 301, 307 and 308 say that the
    /// request is still to be made, at another address (RFC 9110, 15.4). 303 is what follows a request that was carried out, and 302
    /// is used for that as well.
    /// </summary>
    private static readonly Row[] s_rows =
    [
        new(301, 301, ErrorKind.ServiceUnavailable, Refusal.Always) { IsBare = true, IsTransient = true },
        new(302, 303, ErrorKind.ServiceUnavailable, Refusal.Never) { IsBare = true, IsTransient = true },
        new(307, 308, ErrorKind.ServiceUnavailable, Refusal.Always) { IsBare = true, IsTransient = true },
        new(200, 399, ErrorKind.AnswerInvalid, Refusal.Never) { IsBare = true, IsTransient = true },
        new(401, 401, ErrorKind.Unauthorized, Refusal.Always),
        new(402, 402, ErrorKind.CreditsInsufficient, Refusal.Always),
        new(403, 403, ErrorKind.Unauthorized, Refusal.Always),
        new(404, 405, ErrorKind.EndpointWrong, Refusal.Always) { IsBare = true },
        new(404, 404, ErrorKind.TaskNotFound, Refusal.Always) { IsOfMissing = true },
        new(404, 404, ErrorKind.EndpointWrong, Refusal.Always),
        new(408, 408, ErrorKind.ServiceUnavailable, Refusal.Never) { IsTransient = true },
        new(NoSuchTask, NoSuchTask, ErrorKind.TaskNotFound, Refusal.Always) { Texts = ["recordInfo is null"] },
        new(429, 429, ErrorKind.RateLimited, Refusal.Always) { IsTransient = true, MayBeSentAgain = true },
        new(433, 433, ErrorKind.KeyCapReached, Refusal.Always),
        new(455, 455, ErrorKind.ServiceUnavailable, Refusal.Always) { IsTransient = true, MayBeSentAgain = true },
        new(400, 499, ErrorKind.RequestInvalid, Refusal.Always),
        new(500, 500, ErrorKind.CreditsInsufficient, Refusal.FromService) { Texts = ["credits insufficient", "insufficient credits", "insufficient credit", "not enough credits", "insufficient balance"] },
        new(500, 500, ErrorKind.RequestInvalid, Refusal.FromService) { Texts = ["field is required", "is not within the range", "allowed options", "is not supported", "is invalid", "invalid parameter", "must be"] },
        new(500, 500, ErrorKind.ServiceUnavailable, Refusal.FromService) { Texts = ["server exception", "try again", "internal error", "server error", "system is busy"], IsTransient = true, MayBeSentAgain = true },
        new(500, 500, ErrorKind.ServiceUnavailable, Refusal.FromService) { IsTransient = true },
        new(501, 501, ErrorKind.TaskFailed, Refusal.FromService),
        new(505, 505, ErrorKind.FeatureDisabled, Refusal.FromService),
        new(500, 599, ErrorKind.ServiceUnavailable, Refusal.Never) { IsTransient = true },
        new(int.MinValue, int.MaxValue, ErrorKind.AnswerInvalid, Refusal.Never),
    ];

    /// <summary>Whether a response to a create request proves that no task was made.</summary>
    private enum Refusal
    {
        /// <summary>It does not.</summary>
        Never,

        /// <summary>It does when the body is the service's own, and the status is not that of a gateway.</summary>
        FromService,

        /// <summary>It does, whoever sent it, unless the status says that the request was passed on to somebody else.</summary>
        Always,
    }

    /// <summary>The error that a response means.</summary>
    /// <param name="response">A response for which <see cref="ApiResponse.IsSuccess"/> is false.</param>
    /// <param name="operation">What was asked for, such as <c>the query of the credits</c>.</param>
    /// <param name="mayBeMissing">See <see cref="ApiCall.MayBeMissing"/>.</param>
    public static KlingApiException ToException(ApiResponse response, string operation, bool mayBeMissing = false)
    {
        Row row = Find(response, mayBeMissing);
        return ToException(response, operation, row.Kind, row.IsTransient);
    }

    /// <summary>The error of a create request that was turned down: nothing was bought.</summary>
    /// <param name="response">A response for which <see cref="ApiResponse.IsSuccess"/> is false.</param>
    /// <param name="operation">What was asked for.</param>
    /// <returns>The error, transient when the same request may be sent again; <see langword="null"/> when the response does not prove that no task was made.</returns>
    public static KlingApiException? FindRefusal(ApiResponse response, string operation)
    {
        Row row = Find(response, mayBeMissing: false);
        bool isRefusal = row.Refusal switch
        {
            Refusal.Always => !response.IsPassedOn,
            Refusal.FromService => response is { EnvelopeCode: not null, IsFromGateway: false },
            _ => false,
        };
        return isRefusal ? ToException(response, operation, row.Kind, row.MayBeSentAgain) : null;
    }

    /// <summary>What a redirect did. Names only the hosts: the rest of an address may be confidential.</summary>
    public static string DescribeRedirect(ApiResponse response, string operation)
    {
        string from = response.From!.GetLeftPart(UriPartial.Authority);
        string? to = response.Location is Uri location ? ReceivedText.Cut($"{location.Scheme}://{location.Authority}", LongestShown) : null;
        string where = to is null ? "does not say where to" : to == from ? "leads to another path there" : $"leads to {to}";
        return $"{from} answered {operation} with a redirect (HTTP {response.Status}), which {where} and was not followed, because the key would have gone along";
    }

    private static Row Find(ApiResponse response, bool mayBeMissing) => s_rows.First(row => (mayBeMissing || !row.IsOfMissing) && row.Matches(response));

    private static KlingApiException ToException(ApiResponse response, string operation, ErrorKind kind, bool isTransient)
        => new(kind, TransportFault.Answered, Describe(response, operation))
        {
            IsTransient = isTransient,
            Code = response.Code,
            ServiceMessage = response.Message,
            RetryAfter = response.RetryAfter?.Pause,
            IsFromElsewhere = response.IsPage,
        };

    private static string Describe(ApiResponse response, string operation)
    {
        if (response.IsRedirect)
        {
            return DescribeRedirect(response, operation) + ". If a network or a proxy wants you to sign in, do so in a browser and run the command again. If the service has moved, give its new address to Connect-KlingAccount -Endpoint and -UploadEndpoint.";
        }

        string body = response.Foreign is string foreign && response.EnvelopeCode is null ? $" and {foreign}" : string.Empty;
        if (response.EnvelopeCode is null && response.Status is 404 or 405)
        {
            string host = response.From is Uri from ? AddressPolicy.Describe(from) : "The address";
            return $"{host} is not an address of the service: {operation} was answered with HTTP {response.Status}{body}.";
        }

        if (response.EnvelopeCode is null && response.Status is >= 200 and < 400)
        {
            return response.Foreign is null
                ? $"The service's answer to {operation} (HTTP {response.Status}) is not one that can be read."
                : $"The answer to {operation} (HTTP {response.Status}) is {response.Foreign} and not one that the service gives."
                    + (response.IsPage ? $" If a network or a proxy wants you to sign in, do so in a browser. Otherwise {AddressPolicy.Describe(response.From)} is not an address of the service." : string.Empty);
        }

        string says = response.Message is null ? string.Empty : $": {response.Message.TrimEnd('.')}";
        string with = response.EnvelopeCode is null ? $"HTTP {response.Status}{body}" : $"code {response.Code}";
        return $"The service answered {operation} with {with}{says}.{DescribePause(response.RetryAfter)}";
    }

    /// <summary>A pause that is not waited for, as <see cref="Backoff.LongestRetryAfter"/> says; otherwise nothing.</summary>
    private static string DescribePause(RetryAfter? asked)
        => asked is { IsTooLong: true } ? $" It asks for {asked.Words}, which is not waited for: run the command again after that." : string.Empty;

    /// <summary>What a response means.</summary>
    /// <param name="From">The first of the codes it is about.</param>
    /// <param name="To">The last of them.</param>
    /// <param name="Kind">The error.</param>
    /// <param name="Refusal">Whether it turns down a create request.</param>
    private sealed record Row(int From, int To, ErrorKind Kind, Refusal Refusal)
    {
        /// <summary>Whether it is only about an HTTP status without a readable body.</summary>
        public bool IsBare { get; init; }

        /// <summary>Whether it only applies to what may be missing; see <see cref="ApiCall.MayBeMissing"/>.</summary>
        public bool IsOfMissing { get; init; }

        /// <summary>Whether the same read may succeed a little later.</summary>
        public bool IsTransient { get; init; }

        /// <summary>Whether the same create request may be sent again a little later.</summary>
        public bool MayBeSentAgain { get; init; }

        /// <summary>Texts; the message has to contain one of them.</summary>
        public string[]? Texts { get; init; }

        public bool Matches(ApiResponse response)
            => response.Code >= From && response.Code <= To
                && (!IsBare || response.EnvelopeCode is null)
                && (Texts is null || (response.Message is string message && Texts.Any(text => message.Contains(text, StringComparison.OrdinalIgnoreCase))));
    }
}
