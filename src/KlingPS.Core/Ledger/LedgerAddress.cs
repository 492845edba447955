using System.Text.RegularExpressions;
using KlingPS.Core.Ledger.Postgres;

namespace KlingPS.Core.Ledger;

/// <summary>Where a ledger is: in a file, or in a database of a server.</summary>
internal abstract partial record LedgerAddress
{
    /// <summary>The address as it is shown and kept: never with a password.</summary>
    public abstract string Shown { get; }

    /// <inheritdoc/>
    public sealed override string ToString() => Shown;

    /// <summary>Whether a text is meant as the address of a server, and not as a path.</summary>
    public static bool IsOfServer(string text) => ServerAddressParser.IsAddress(text.Trim()) || IsOfNoLedger(text);

    /// <summary>Reads an address.</summary>
    /// <param name="text">The full path of a file, or the address of a PostgreSQL database. No message repeats an address: it may hold a password.</param>
    /// <param name="address">The address.</param>
    /// <returns><see langword="null"/>; or why it cannot be used, as a clause about it.</returns>
    public static string? TryParse(string text, out LedgerAddress? address)
    {
        address = null;
        if (ServerAddressParser.IsAddress(text.Trim()))
        {
            string? problem = ServerAddressParser.TryParse(text.Trim(), out ServerAddress? server);
            address = server;
            return problem is null ? null : "is not a usable address of a PostgreSQL database: " + problem;
        }

        if (IsOfNoLedger(text))
        {
            return "is an address that no ledger has. Give the full path of a file, or postgresql://host/database";
        }

        if (!Path.IsPathFullyQualified(text))
        {
            return "is a different file in every folder. Give the full path of the file, or the address of a PostgreSQL database: postgresql://host/database";
        }

        if (text.Contains('\0', StringComparison.Ordinal))
        {
            return "holds a zero character, which no path has";
        }

        address = new FileAddress(Path.GetFullPath(text));
        return null;
    }

    /// <summary>
    /// Whether a text is an address in another form, or whose scheme is another one, was forgotten or mistyped. What is between a colon and an @ may be a
    /// password, however it is spelled, unless the text is the full path of a file.
    /// </summary>
    private static bool IsOfNoLedger(string text)
        => OtherAddress().IsMatch(text)
            || ServerAddressParser.HasKeywords(text)
            || (!Path.IsPathFullyQualified(text) && (Credentials().IsMatch(text) || Credentials().IsMatch(Uri.UnescapeDataString(text))));

    /// <summary>A scheme, or an authority without one: no share and no folder at the root has such a name. One letter is a drive.</summary>
    [GeneratedRegex(@"^\s*([A-Za-z][A-Za-z0-9+.:-]+://|[/\\]{2,}[^/\\:]*:.*@)", RegexOptions.Singleline)]
    private static partial Regex OtherAddress();

    [GeneratedRegex(":.*@", RegexOptions.Singleline)]
    private static partial Regex Credentials();
}

/// <summary>A ledger in a file.</summary>
/// <param name="Path">The full path.</param>
internal sealed record FileAddress(string Path) : LedgerAddress
{
    /// <inheritdoc/>
    public override string Shown => Path;
}
