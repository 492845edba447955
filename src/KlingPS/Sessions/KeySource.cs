using KlingPS.Core.Secrets;

namespace KlingPS.Sessions;

/// <summary>Where a key came from.</summary>
/// <param name="Text">In words.</param>
/// <param name="IsVariable">Whether from the environment variable, which may change.</param>
/// <param name="Secret">The secret, if it came from one.</param>
/// <param name="Vault">The vault that was named for the secret, if one was.</param>
internal sealed record KeySource(string Text, bool IsVariable = false, string? Secret = null, string? Vault = null)
{
    /// <summary>The environment variable that may hold the key.</summary>
    public const string Variable = "KIE_API_KEY";

    public static KeySource FromParameter { get; } = new("parameter -ApiKey");

    public static KeySource FromSandbox { get; } = new("sandbox");

    public static KeySource FromVariable { get; } = new($"environment variable {Variable}", IsVariable: true);

    public static KeySource FromSecret(string name, string? vault)
        => new(vault is null ? $"secret {name}" : $"secret {name} in vault {vault}", Secret: name, Vault: vault);
}

/// <summary>A key and where it came from.</summary>
/// <param name="Key">The key.</param>
/// <param name="Source">Where it came from.</param>
internal sealed record FoundKey(ApiKey Key, KeySource Source);
