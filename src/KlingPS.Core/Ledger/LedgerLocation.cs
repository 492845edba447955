namespace KlingPS.Core.Ledger;

/// <summary>Where the ledger is kept.</summary>
internal static class LedgerLocation
{
    /// <summary>The environment variable that names the ledger's file.</summary>
    public const string Variable = "KLINGPS_LEDGER";

    private const string Folder = "KlingPS";
    private const string FileName = "ledger.db";

    /// <summary>The full path of the ledger's file: from the environment, otherwise as configured, otherwise in the user's data folder.</summary>
    /// <param name="configured">The path in the user's configuration, if any.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the path is relative.</exception>
    public static string Resolve(string? configured) => Resolve(configured, Environment.GetEnvironmentVariable);

    /// <inheritdoc cref="Resolve(string?)"/>
    /// <param name="configured">The path in the user's configuration, if any.</param>
    /// <param name="environment">Reads an environment variable.</param>
    internal static string Resolve(string? configured, Func<string, string?> environment)
    {
        if (environment(Variable) is { Length: > 0 } named)
        {
            return RequireFull(named, $"The environment variable {Variable}");
        }

        return string.IsNullOrEmpty(configured)
            ? Path.Combine(DataFolder(environment), Folder, FileName)
            : RequireFull(configured, "The configuration");
    }

    /// <summary>A relative path would mean a different ledger in every folder, and each would buy again what the others have bought.</summary>
    private static string RequireFull(string path, string source)
        => Path.IsPathFullyQualified(path)
            ? Path.GetFullPath(path)
            : throw new KlingException(ErrorKind.LedgerUnusable, $"{source} puts the ledger at '{path}', which is a different file in every folder. Give the full path of the file.");

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
