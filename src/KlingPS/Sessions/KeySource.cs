using KlingPS.Core.Ledger;
using KlingPS.Core.Secrets;

namespace KlingPS.Sessions;

/// <summary>Where a key came from.</summary>
/// <param name="Text">The source in words.</param>
/// <param name="IsVariable">Whether it came from the environment variable, which may change.</param>
/// <param name="Secret">The secret, if it came from one.</param>
/// <param name="Vault">The vault that was named for the secret, if one was.</param>
/// <param name="File">The file, if it came from one, as it was at the time; it may change, too.</param>
internal sealed record KeySource(string Text, bool IsVariable = false, string? Secret = null, string? Vault = null, FileState? File = null)
{
    /// <summary>The environment variable that may hold the key.</summary>
    public const string Variable = "KIE_API_KEY";

    public static KeySource FromParameter { get; } = new("parameter -ApiKey");

    public static KeySource FromSandbox { get; } = new("sandbox");

    public static KeySource FromVariable { get; } = new($"environment variable {Variable}", IsVariable: true);

    /// <summary>The file that the environment names for the key; <see langword="null"/> if it names none.</summary>
    public static string? FilePath => Environment.GetEnvironmentVariable(KeyFile.Variable) is string path && !string.IsNullOrWhiteSpace(path) ? path : null;

    public static KeySource FromFile(FileState file) => new($"file {file.Path} ({KeyFile.Variable})", File: file);

    public static KeySource FromSecret(string name, string? vault)
        => new(vault is null ? $"secret {name}" : $"secret {name} in vault {vault}", Secret: name, Vault: vault);
}

/// <summary>A file, and a stamp that shows whether it has changed since.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Stamp">What the file system said about it; <see langword="null"/> if it was not there.</param>
internal sealed record FileState(string Path, FileStamp? Stamp)
{
    /// <summary>The file as it is now.</summary>
    public static FileState Of(string path)
    {
        try
        {
            return new FileState(path, FileStamp.Of(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new FileState(path, null);
        }
    }
}

/// <summary>A key and where it came from.</summary>
/// <param name="Key">The key.</param>
/// <param name="Source">Where it came from.</param>
internal sealed record FoundKey(ApiKey Key, KeySource Source);
