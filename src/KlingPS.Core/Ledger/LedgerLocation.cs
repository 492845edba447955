using KlingPS.Core.Files;

namespace KlingPS.Core.Ledger;

/// <summary>Where the ledger is kept.</summary>
internal static class LedgerLocation
{
    /// <summary>The environment variable that says where the ledger is.</summary>
    public const string Variable = "KLINGPS_LEDGER";

    private const string Folder = "KlingPS";
    private const string FileName = "ledger.db";

    /// <summary>Where the ledger is: as the environment says, otherwise as configured, otherwise in the user's data folder.</summary>
    /// <param name="configured">The path or address in the user's configuration, if any.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the path is relative, or the address cannot be used.</exception>
    public static LedgerAddress Resolve(string? configured) => Resolve(configured, Environment.GetEnvironmentVariable);

    /// <inheritdoc cref="Resolve(string?)"/>
    /// <param name="configured">The path or address in the user's configuration, if any.</param>
    /// <param name="environment">Reads an environment variable.</param>
    internal static LedgerAddress Resolve(string? configured, Func<string, string?> environment)
    {
        if (OwnVariable.Read(Variable, environment, ErrorKind.LedgerUnusable) is string named)
        {
            return Parse(named, $"The environment variable {Variable}");
        }

        return string.IsNullOrEmpty(configured)
            ? new FileAddress(Path.Combine(DataFolder(environment), Folder, FileName))
            : Parse(configured, "The configuration");
    }

    /// <summary>
    /// Another ledger of this user, where the one in use is not at the usual place because of something that a user may not know of; see
    /// <see cref="UserHomes"/>.
    /// </summary>
    /// <param name="path">The ledger in use, where neither the environment nor the configuration names it.</param>
    /// <returns>What to tell the user; <see langword="null"/> if there is none.</returns>
    public static string? FindOther(string path) => FindOther(path, Environment.GetEnvironmentVariable, UserHomes.Of);

    /// <inheritdoc cref="FindOther(string)"/>
    /// <param name="path">The ledger in use.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="homeOf">See <see cref="UserHomes.Of"/>.</param>
    internal static string? FindOther(string path, Func<string, string?> environment, Func<string, string?> homeOf)
    {
        string[] below = OperatingSystem.IsMacOS() ? ["Library", "Application Support"] : [".local", "share"];
        string? other = UserHomes.FindOther(path, [.. below, Folder, FileName], environment, homeOf);
        return other is null ? null
            : $"This shell uses the ledger '{path}'. There is another one at the usual place, '{other}': what is recorded there is not known here, and would be bought again. "
                + $"To use that one, set the environment variable {Variable} to its path, or start the shell without what changes XDG_DATA_HOME, HOME or the user.";
    }

    /// <summary>The folder on this machine for what this user's commands keep there; <see langword="null"/> if this user has none.</summary>
    public static string? FindUserFolder()
    {
        try
        {
            return Path.Combine(DataFolder(Environment.GetEnvironmentVariable), Folder);
        }
        catch (KlingException)
        {
            return null;
        }
    }

    /// <summary>A relative path would mean a different ledger in every folder, and each would buy again what the others have bought. An address is not repeated: it may hold a password.</summary>
    private static LedgerAddress Parse(string text, string source)
        => LedgerAddress.TryParse(text, out LedgerAddress? address) is not string problem ? address!
            : throw new KlingException(
                ErrorKind.LedgerUnusable,
                LedgerAddress.IsOfServer(text) || text.Contains('=', StringComparison.Ordinal)
                    ? $"What {char.ToLowerInvariant(source[0])}{source[1..]} says of the ledger {problem}. Without the ledger nothing is bought."
                    : $"{source} puts the ledger at '{text}', which {problem}.");

    private static string DataFolder(Func<string, string?> environment)
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        string folder;
        if (OperatingSystem.IsWindows())
        {
            folder = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        }
        else if (OperatingSystem.IsMacOS())
        {
            folder = Path.Combine(home, "Library", "Application Support");
        }
        else
        {
            // The specification of XDG_DATA_HOME says to ignore relative paths.
            folder = environment("XDG_DATA_HOME") is { } data && Path.IsPathFullyQualified(data)
                ? data
                : Path.Combine(home, ".local", "share");
        }

        return Path.IsPathFullyQualified(folder)
            ? folder
            : throw new KlingException(ErrorKind.LedgerUnusable, $"This user has no home folder to keep the ledger in. Set the environment variable {Variable} to the full path of a file.");
    }
}
