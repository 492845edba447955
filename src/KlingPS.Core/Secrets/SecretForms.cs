using System.Text.RegularExpressions;

namespace KlingPS.Core.Secrets;

/// <summary>Recognizes secrets by their form in places where they do not belong; when in doubt, it takes a text for a secret.</summary>
internal static partial class SecretForms
{
    /// <summary>Words in the names of settings whose values are secrets.</summary>
    private static readonly HashSet<string> s_words = new(StringComparer.OrdinalIgnoreCase)
    {
        "apikey", "auth", "authorization", "bearer", "cookie", "credential", "credentials", "hmac", "key", "pass", "passphrase", "passwd", "password", "passwort", "pwd", "secret", "token",
    };

    /// <summary>Parts of such names, for those that are written as one word.</summary>
    private static readonly string[] s_parts = ["apikey", "api_key", "authorization", "credential", "hmac", "passphrase", "password", "secret", "token"];

    /// <summary>Whether a text could be a key rather than the name of one: a long run of letters and digits, hex, or text with a key's prefix.</summary>
    public static bool IsKey(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Key().IsMatch(text.Trim());
    }

    /// <summary>Refuses a key given as a name: names are shown and written down.</summary>
    /// <param name="name">What was given as the name; <see langword="null"/> if nothing was.</param>
    /// <param name="parameter">The parameter that it was given for.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>, without what was given.</exception>
    public static void RequireName(string? name, string parameter)
    {
        if (name is not null && IsKey(name))
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"What was given as -{parameter} looks like a key itself. "
                    + (parameter == "Vault" ? "Give the name of the vault" : "Give the name that the key is stored under")
                    + (parameter == "HmacSecretName" ? "; -HmacKey takes the key itself, as a SecureString." : "; Set-KlingApiKey stores a key, and Connect-KlingAccount -ApiKey takes it for one session."));
        }
    }

    /// <summary>Whether a setting of this name would hold a secret.</summary>
    public static bool IsNameOfSecret(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return s_parts.Any(part => name.Contains(part, StringComparison.OrdinalIgnoreCase)) || Word().Matches(name).Any(word => s_words.Contains(word.Value));
    }

    [GeneratedRegex("^(?:bearer\\s.*|sk[-_].{6,}|[0-9a-f]{24,}|(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9]{28,})$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Key();

    /// <summary>The words of a name in camel case or in capitals, or separated by blanks, dashes or underscores.</summary>
    [GeneratedRegex("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
