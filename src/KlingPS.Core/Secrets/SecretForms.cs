using System.Text.RegularExpressions;

namespace KlingPS.Core.Secrets;

/// <summary>Recognizes secrets by their form, where none should be: it errs on the side of finding one.</summary>
internal static partial class SecretForms
{
    /// <summary>Words that a setting is called by when its value is a secret.</summary>
    private static readonly HashSet<string> s_words = new(StringComparer.OrdinalIgnoreCase)
    {
        "apikey", "auth", "authorization", "bearer", "cookie", "credential", "credentials", "hmac", "key", "pass", "passphrase", "passwd", "password", "passwort", "pwd", "secret", "token",
    };

    /// <summary>Parts of such words, for names that are written in one.</summary>
    private static readonly string[] s_parts = ["apikey", "api_key", "authorization", "credential", "hmac", "passphrase", "password", "secret", "token"];

    /// <summary>Whether a text could be a key rather than the name of one: a long run of letters and digits, hex, or with the mark of a key before it.</summary>
    public static bool IsKey(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Key().IsMatch(text.Trim());
    }

    /// <summary>Refuses a key where a name belongs: a name is shown and written down.</summary>
    /// <param name="name">What was given as the name; <see langword="null"/> if nothing was.</param>
    /// <param name="parameter">The parameter it was given as.</param>
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

    /// <summary>The words of a name in camel case, in capitals, or with blanks, dashes or underscores between them.</summary>
    [GeneratedRegex("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
