namespace KlingPS.Core;

/// <summary>
/// The environment variables that are the module's own, read by one rule. One that is empty is not set, as many systems have no other way
/// to take a variable away. One with nothing but blanks in it was meant to say something: to go on with the default would be to work with
/// another ledger, without a limit, or with another key.
/// </summary>
internal static class OwnVariable
{
    /// <summary>Reads a variable.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="kind">The error that a wrong one is.</param>
    /// <returns>What it holds; <see langword="null"/> if it is not set.</returns>
    /// <exception cref="KlingException">It holds blanks alone.</exception>
    public static string? Read(string name, Func<string, string?> environment, ErrorKind kind)
    {
        ArgumentNullException.ThrowIfNull(environment);
        string? value = environment(name);
        return string.IsNullOrEmpty(value) ? null
            : !string.IsNullOrWhiteSpace(value) ? value
            : throw new KlingException(kind, $"The environment variable {name} holds nothing but blanks. Set it to the value that you mean, or remove it. Nothing was sent or bought.");
    }
}
