using System.Collections;
using System.Collections.Specialized;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Callbacks;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Finds the two headers of a signed callback in any object that a web server uses for headers.</summary>
internal static class CallbackHeaders
{
    /// <summary>Timestamp and signature; each <see langword="null"/> if it is missing.</summary>
    /// <param name="headers">A dictionary of texts or of lists of texts; the case of its names does not matter.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: it is neither.</exception>
    public static (string? Timestamp, string? Signature) Read(PSObject headers)
    {
        Func<string, object?> find = headers.BaseObject switch
        {
            NameValueCollection collection => name => collection[name],
            IDictionary dictionary => name => dictionary.Keys.Cast<object>()
                .Where(key => string.Equals(key.ToString(), name, StringComparison.OrdinalIgnoreCase))
                .Select(key => dictionary[key])
                .FirstOrDefault(),
            PSCustomObject => name => headers.Properties[name]?.Value,
            _ => throw new KlingException(ErrorKind.RequestInvalid, $"-Headers takes the headers of the request as a dictionary, not a {headers.BaseObject.GetType().Name}. You can also give the two that matter: -Timestamp with X-Webhook-Timestamp, and -Signature with X-Webhook-Signature."),
        };
        return (Text(find(CallbackVerifier.TimestampHeader)), Text(find(CallbackVerifier.SignatureHeader)));
    }

    private static string? Text(object? value) => WrappedObject.Unwrap(value) switch
    {
        null => null,
        string text => text,
        IEnumerable list => list.Cast<object?>().FirstOrDefault()?.ToString(),
        object other => LanguagePrimitives.ConvertTo<string>(other),
    };
}
