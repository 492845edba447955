using KlingPS.Core.Model;

namespace KlingPS.Core.Api;

/// <summary>Says what went wrong with a connection. What .NET says is meant for programmers.</summary>
internal static class HttpFailure
{
    private const int MaxCause = 300;

    /// <summary>What went wrong, as a clause without a full stop.</summary>
    /// <param name="exception">What was thrown: by the connection, or while it was read from.</param>
    /// <returns><see langword="null"/> if .NET does not say of what kind it is.</returns>
    public static string? Describe(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        HttpRequestError error = KindOf(exception);
        string said = Innermost(exception).Replace($" ({error})", string.Empty, StringComparison.Ordinal).TrimEnd('.');
        return error switch
        {
            HttpRequestError.NameResolutionError => "the name of the host was not found",
            HttpRequestError.ConnectionError => $"no connection was made ({said})",
            HttpRequestError.SecureConnectionError => $"the TLS connection failed ({said})",
            HttpRequestError.ProxyTunnelError => $"the proxy could not connect to it ({said})",
            HttpRequestError.UserAuthenticationError => $"the login failed ({said})",
            HttpRequestError.VersionNegotiationError => "the server uses another version of HTTP",
            HttpRequestError.HttpProtocolError or HttpRequestError.InvalidResponse => $"what came back breaks the rules of HTTP ({said})",
            HttpRequestError.ResponseEnded => "the connection was closed too early",
            HttpRequestError.ConfigurationLimitExceeded => "what came back has too many headers, or too long ones",
            _ => null,
        };
    }

    /// <summary>What the first cause says, without a full stop. It may quote what the server sent, so it is cut.</summary>
    public static string Innermost(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        while (exception.InnerException is not null)
        {
            exception = exception.InnerException;
        }

        return ReceivedText.Cut(exception.Message, MaxCause).TrimEnd('.');
    }

    private static HttpRequestError KindOf(Exception? exception) => exception switch
    {
        null => HttpRequestError.Unknown,
        HttpRequestException { HttpRequestError: not HttpRequestError.Unknown and var error } => error,
        HttpIOException { HttpRequestError: not HttpRequestError.Unknown and var error } => error,
        _ => KindOf(exception.InnerException),
    };
}
