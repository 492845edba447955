namespace KlingPS.Core;

/// <summary>
/// The module's own environment variables, read by one rule. An empty one counts as not set, as many systems have no other way
/// to remove a variable. One that only contains blanks was meant to say something: going on with the default would mean working with
/// another ledger, without a limit, or with another key.
/// </summary>
internal static class OwnVariable
{
    /// <summary>Reads a variable.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="kind">The kind of the error if it is wrong.</param>
    /// <returns>Its value; <see langword="null"/> if it is not set.</returns>
    /// <exception cref="KlingException">It only contains blanks.</exception>
    public static string? Read(string name, Func<string, string?> environment, ErrorKind kind)
    {
        ArgumentNullException.ThrowIfNull(environment);
        string? value = environment(name);
        return string.IsNullOrEmpty(value) ? null
            : !string.IsNullOrWhiteSpace(value) ? value
            : throw new KlingException(kind, $"The environment variable {name} holds nothing but blanks. Set it to the value that you mean, or remove it. Nothing was sent or bought.");
    }
}
