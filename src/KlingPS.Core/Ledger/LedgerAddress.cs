namespace KlingPS.Core.Ledger;

/// <summary>Where a ledger is: in a file, or in a database of a server.</summary>
internal abstract record LedgerAddress
{
    /// <summary>The address as it is shown and kept: never with a password.</summary>
    public abstract string Shown { get; }

    /// <inheritdoc/>
    public sealed override string ToString() => Shown;
}

/// <summary>A ledger in a file.</summary>
/// <param name="Path">The full path.</param>
internal sealed record FileAddress(string Path) : LedgerAddress
{
    /// <inheritdoc/>
    public override string Shown => Path;
}
