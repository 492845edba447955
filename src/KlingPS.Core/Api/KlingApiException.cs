using KlingPS.Core.Resilience;

namespace KlingPS.Core.Api;

/// <summary>A request to the service that did not end well.</summary>
public sealed class KlingApiException : KlingException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="kind">The condition.</param>
    /// <param name="fault">How far the request got.</param>
    /// <param name="message">What happened, in plain words.</param>
    /// <param name="innerException">The exception that caused it, if there was one.</param>
    public KlingApiException(ErrorKind kind, TransportFault fault, string message, Exception? innerException = null)
        : base(kind, message, innerException)
    {
        Fault = fault;
    }

    /// <summary>How far the request got.</summary>
    public TransportFault Fault { get; }

    /// <summary>Whether the same request may succeed a little later.</summary>
    public bool IsTransient { get; init; }

    /// <summary>The code of the answer: the body's <c>code</c> if it has one, else the HTTP status.</summary>
    public int? Code { get; init; }

    /// <summary>The service's own sentence.</summary>
    public string? ServiceMessage { get; init; }

    /// <summary>How long the service asks to wait before the next request.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <inheritdoc/>
    private protected override bool IsNoService => IsFromElsewhere;

    /// <summary>Whether something other than the service answered, such as the sign-in page of a network: every further request would get the same answer.</summary>
    internal bool IsFromElsewhere { get; init; }

    /// <inheritdoc/>
    private protected override bool IsServiceDown => IsTransient || Code is >= 300 and < 400;

    /// <inheritdoc/>
    internal override KlingApiException WithMessage(string message) => new(Kind, Fault, message, this)
    {
        IsTransient = IsTransient,
        Code = Code,
        ServiceMessage = ServiceMessage,
        RetryAfter = RetryAfter,
        TaskNumber = TaskNumber,
        Advice = Advice,
        IsFromElsewhere = IsFromElsewhere,
    };

    /// <summary>The same error, as one that will not pass and concerns this request alone.</summary>
    internal KlingApiException AsFinal() => new(Kind, Fault, Message, InnerException) { Code = Code, ServiceMessage = ServiceMessage };

    /// <summary>When to send the same request again; <see langword="null"/> when that would not help.</summary>
    /// <param name="unavailable">How long to wait for a service that was reached and did not ask for fewer requests.</param>
    internal Retry? ToRetry(Backoff unavailable)
    {
        if (!IsTransient)
        {
            return null;
        }

        Backoff backoff = (Kind, Fault) switch
        {
            (ErrorKind.RateLimited, _) => Backoff.RateLimited,
            (_, TransportFault.NotSent) => Backoff.NotSent,
            _ => unavailable,
        };
        return new Retry(this, backoff, RetryAfter);
    }
}
