namespace KlingPS.Core.Model;

/// <summary>The nonce of an attempt in the address of its callback: <c>klingps=&lt;nonce&gt;</c> in the query.</summary>
internal static class CallbackNonce
{
    private const string Parameter = "klingps=";
    private const int Length = 32;

    /// <summary>Whether a text has the form of a nonce: 32 lowercase hexadecimal digits.</summary>
    public static bool IsValid(string text) => text.Length == Length && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Adds the nonce of an attempt to an address, in place of any other. The rest of the address stays as it is.</summary>
    /// <param name="uri">The address to which the user wants callbacks.</param>
    /// <param name="nonce">See <see cref="TaskIntent.Nonce"/>.</param>
    /// <returns>The address to give to the service; <see langword="null"/> if the user gave none.</returns>
    public static string? Append(string? uri, string nonce)
    {
        ArgumentException.ThrowIfNullOrEmpty(nonce);
        if (uri is null)
        {
            return null;
        }

        (string address, string? query, string fragment) = Split(uri);
        string own = query is null ? string.Empty : string.Join('&', query.Split('&').Where(part => !part.StartsWith(Parameter, StringComparison.Ordinal)));
        return $"{address}?{own}{(own.Length > 0 ? "&" : string.Empty)}{Parameter}{nonce}{fragment}";
    }

    /// <summary>The nonce in an address, or in the target of a request.</summary>
    /// <param name="uri">The address, absolute or relative.</param>
    /// <returns>32 hex digits in lower case; <see langword="null"/> if the address has none.</returns>
    public static string? Find(string? uri)
        => uri is null ? null : Split(uri).Query?.Split('&')
            .Where(part => part.StartsWith(Parameter, StringComparison.Ordinal))
            .Select(part => part[Parameter.Length..])
            .FirstOrDefault(IsValid);

    private static (string Address, string? Query, string Fragment) Split(string uri)
    {
        int hash = uri.IndexOf('#', StringComparison.Ordinal);
        string fragment = hash < 0 ? string.Empty : uri[hash..];
        string rest = hash < 0 ? uri : uri[..hash];
        int mark = rest.IndexOf('?', StringComparison.Ordinal);
        return mark < 0 ? (rest, null, fragment) : (rest[..mark], rest[(mark + 1)..], fragment);
    }
}
