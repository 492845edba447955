using System.Text;

namespace KlingPS.Core.Network;

/// <summary>What an address leads to: the same text for every spelling of the address, and for every signature with which it is handed out.</summary>
/// <remarks>
/// A signed link is made anew whenever somebody asks for it. The signature says who may fetch, from when and for how long, and never what:
/// that is in the path and in the rest of the query.
/// </remarks>
internal static class AddressedContent
{
    private static readonly string[] s_azure =
        ["srt", "sp", "st", "se", "sip", "spr", "si", "ses", "sdd", "saoid", "suoid", "scid", "skoid", "sktid", "skt", "ske", "sks", "skv"];

    /// <summary>
    /// The kinds of signatures: the fields that every one of them has, by which it is known, and those that some have. A single common name
    /// proves nothing: `Expires`, `st` or `ex` may well choose the content where no such signature is.
    /// </summary>
    private static readonly (string[] All, string[] Some)[] s_signatures =
    [
        // Amazon S3 and what is compatible with it, and Google Cloud Storage.
        (["X-Amz-Signature", "X-Amz-Date"], ["X-Amz-Algorithm", "X-Amz-Content-Sha256", "X-Amz-Credential", "X-Amz-Expires", "X-Amz-Security-Token", "X-Amz-SignedHeaders"]),
        (["X-Goog-Signature", "X-Goog-Date"], ["X-Goog-Algorithm", "X-Goog-Credential", "X-Goog-Expires", "X-Goog-SignedHeaders"]),

        // Their earlier forms, CloudFront, and Alibaba's OSS.
        (["Signature", "Expires", "AWSAccessKeyId"], ["x-amz-security-token"]),
        (["Signature", "Expires", "GoogleAccessId"], []),
        (["Signature", "Expires", "Key-Pair-Id"], []),
        (["Signature", "Policy", "Key-Pair-Id"], []),
        (["Signature", "Expires", "OSSAccessKeyId"], ["security-token"]),
        (["x-oss-signature", "x-oss-date"], ["x-oss-credential", "x-oss-expires", "x-oss-security-token", "x-oss-signature-version", "x-oss-additional-headers"]),

        // Azure Storage: `sr` is there for one blob or file, `ss` for an account.
        (["sig", "sv", "sr"], s_azure),
        (["sig", "sv", "ss"], s_azure),

        // Tencent's COS.
        (["q-signature", "q-sign-time"], ["q-ak", "q-sign-algorithm", "q-key-time", "q-header-list", "q-url-param-list", "x-cos-security-token"]),

        // Discord.
        (["hm", "ex", "is"], []),
    ];

    /// <summary>The one spelling.</summary>
    /// <param name="address">The address as it was given.</param>
    /// <returns>The address as it is, if it is none of the web.</returns>
    public static string Of(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp) || uri.UserInfo.Length > 0)
        {
            return address;
        }

        try
        {
            string port = uri.IsDefaultPort ? string.Empty : FormattableString.Invariant($":{uri.Port}");
            string host = uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost.TrimEnd('.');
            string path = uri.GetComponents(UriComponents.Path | UriComponents.KeepDelimiter, UriFormat.UriEscaped);
            string query = uri.GetComponents(UriComponents.Query, UriFormat.UriEscaped);
            string unsigned = WithoutSignature(query);
            return $"{uri.Scheme}://{host.ToLowerInvariant()}{port}{Respell(path)}{(unsigned.Length > 0 ? "?" : string.Empty)}{Respell(unsigned)}";
        }
        catch (UriFormatException)
        {
            // Not every host that can be written can be looked up.
            return address;
        }
    }

    private static string WithoutSignature(string query)
    {
        string[] fields = query.Split('&');
        string[] names = [.. fields.Select(field => field.Split('=')[0])];
        HashSet<string> signature = new(
            s_signatures.Where(kind => kind.All.All(field => names.Contains(field, StringComparer.OrdinalIgnoreCase))).SelectMany(kind => kind.All.Concat(kind.Some)),
            StringComparer.OrdinalIgnoreCase);
        return signature.Count == 0 ? query : string.Join('&', fields.Where((_, index) => !signature.Contains(names[index])));
    }

    /// <summary>With the escapes of RFC 3986, 6.2.2: none for what needs none, and all others in upper case.</summary>
    private static string Respell(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '%' || !Uri.IsHexEncoding(text, i))
            {
                result.Append(text[i]);
                continue;
            }

            string escape = text.Substring(i, 3).ToUpperInvariant();
            int index = 0;
            char meant = Uri.HexUnescape(escape, ref index);
            _ = char.IsAsciiLetterOrDigit(meant) || meant is '-' or '.' or '_' or '~' ? result.Append(meant) : result.Append(escape);
            i += 2;
        }

        return result.ToString();
    }
}
