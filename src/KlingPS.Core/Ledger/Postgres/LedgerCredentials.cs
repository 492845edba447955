namespace KlingPS.Core.Ledger.Postgres;

/// <summary>Finds the role and its password: in the address, the secret store, PGPASSWORD, then the password file, as libpq does.</summary>
/// <param name="address">The address.</param>
/// <param name="environment">Reads an environment variable.</param>
/// <param name="secret">Asks the secret store, if a secret is configured; <see langword="null"/> if it has none.</param>
internal sealed class LedgerCredentials(ServerAddress address, Func<string, string?> environment, Func<LedgerPassword?>? secret = null)
{
    /// <summary>The role.</summary>
    public string User { get; } = address.User ?? (environment("PGUSER") is { Length: > 0 } user ? user : Environment.UserName);

    /// <summary>The password; <see langword="null"/> if none was found; some servers do not ask for one.</summary>
    /// <param name="address">The address.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: others can read the file that holds it.</exception>
    public LedgerPassword? FindPassword(ServerAddress address)
        => address.Password
            ?? secret?.Invoke()
            ?? (environment("PGPASSWORD") is { Length: > 0 } password ? new LedgerPassword(password) : null)
            ?? PasswordFile.Find(address, User, environment);
}
