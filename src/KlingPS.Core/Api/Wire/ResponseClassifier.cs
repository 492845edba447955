namespace KlingPS.Core.Api.Wire;

/// <summary>Decides what an answer that is not a success means.</summary>
internal static class ResponseClassifier
{
    private static readonly string[] s_creditTexts = ["credits insufficient", "insufficient credits", "insufficient credit", "not enough credits", "insufficient balance"];
    private static readonly string[] s_parameterTexts = ["field is required", "is not within the range", "allowed options", "is not supported", "is invalid", "invalid parameter", "must be"];
    private static readonly string[] s_genericTexts = ["server exception", "try again", "internal error", "server error", "system is busy"];

    /// <summary>The error an answer stands for.</summary>
    /// <param name="answer">An answer for which <see cref="ApiResponse.IsSuccess"/> is false.</param>
    /// <param name="operation">What was asked for, such as <c>creating the task</c>.</param>
    public static KlingApiException ToException(ApiResponse answer, string operation)
    {
        if (answer.IsRedirect)
        {
            return new KlingApiException(
                ErrorKind.ServiceUnavailable,
                TransportFault.Answered,
                DescribeRedirect(answer, operation) + ". If a network or a proxy wants you to sign in, do so in a browser and run the command again. If the service has moved, give its new address to Connect-KlingAccount -Endpoint and -UploadEndpoint.")
            {
                IsTransient = true,
                Code = answer.Status,
            };
        }

        bool unreadable = answer.EnvelopeCode is null && answer.Status is >= 200 and < 400;
        (ErrorKind kind, bool transient) = unreadable
            ? (ErrorKind.AnswerInvalid, true)
            : Classify(answer.Code, answer.Message);
        string says = answer.Message is null ? string.Empty : $": {answer.Message.TrimEnd('.')}";
        string message = unreadable
            ? $"The service's answer to {operation} (HTTP {answer.Status}) is not one that can be read."
            : answer.EnvelopeCode is null
                ? $"The service answered {operation} with HTTP {answer.Status}{says}."
                : $"The service answered {operation} with code {answer.Code}{says}.";
        return new KlingApiException(kind, TransportFault.Answered, message)
        {
            IsTransient = transient,
            Code = answer.Code,
            ServiceMessage = answer.Message,
            RetryAfter = answer.RetryAfter,
        };
    }

    /// <summary>
    /// Whether the answer to a create request says for certain that no task was made. The service validates before it
    /// bills, so its own error codes do. What a gateway says does not: the service behind it may have gone on. Of redirects, 301, 307
    /// and 308 say that the request is still to be made, at another place (RFC 9110, 15.4). 303 is what follows a request that was
    /// carried out, and 302 is used for that as well.
    /// </summary>
    public static bool IsRefusal(ApiResponse answer) => answer.EnvelopeCode is int code
        ? code is (>= 400 and <= 501 and not 408) or 505
        : answer.Status is (>= 400 and < 500 and not 408) or 301 or 307 or 308;

    /// <summary>Whether sending a refused create request again, later, may work: the service was busy, not unwilling.</summary>
    public static bool MayBeSentAgain(KlingApiException refusal)
        => refusal.IsTransient && refusal.Code is not (>= 300 and < 400) && (refusal.Code != 500 || Mentions(refusal.ServiceMessage, s_genericTexts));

    /// <summary>What a redirect did. Names the hosts only: the rest of an address may hold what is nobody's business.</summary>
    public static string DescribeRedirect(ApiResponse answer, string operation)
    {
        string from = answer.From!.GetLeftPart(UriPartial.Authority);
        string? to = answer.Location is Uri location ? $"{location.Scheme}://{location.Authority}" : null;
        string where = to is null ? "does not say where to" : to == from ? "leads to another path there" : $"leads to {to}";
        return $"{from} answered {operation} with a redirect (HTTP {answer.Status}), which {where} and was not followed, because the key would have gone along";
    }

    private static (ErrorKind Kind, bool IsTransient) Classify(int code, string? message) => code switch
    {
        401 or 403 => (ErrorKind.Unauthorized, false),
        402 => (ErrorKind.CreditsInsufficient, false),
        404 => (ErrorKind.TaskNotFound, false),
        408 => (ErrorKind.ServiceUnavailable, true),
        422 when Mentions(message, ["recordInfo is null"]) => (ErrorKind.TaskNotFound, false),
        429 => (ErrorKind.RateLimited, true),
        433 => (ErrorKind.KeyCapReached, false),
        455 => (ErrorKind.ServiceUnavailable, true),
        500 when Mentions(message, s_creditTexts) => (ErrorKind.CreditsInsufficient, false),
        500 when Mentions(message, s_parameterTexts) => (ErrorKind.RequestInvalid, false),
        501 => (ErrorKind.TaskFailed, false),
        505 => (ErrorKind.FeatureDisabled, false),
        >= 400 and < 500 => (ErrorKind.RequestInvalid, false),
        >= 500 and < 600 => (ErrorKind.ServiceUnavailable, true),
        _ => (ErrorKind.AnswerInvalid, false),
    };

    private static bool Mentions(string? message, string[] texts)
        => message is not null && texts.Any(text => message.Contains(text, StringComparison.OrdinalIgnoreCase));
}
