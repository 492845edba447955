using System.Data.Common;
using KlingPS.Core.Ledger.Providers;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>The SQLite that ships with the module.</summary>
internal static class SqliteProvider
{
    private static readonly Lazy<DbProviderFactory> s_factory = new(() => Load(DependencyContext.Shipped));

    /// <summary>The provider; loaded when it is first needed.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the module is incomplete, or has no SQLite for this platform.</exception>
    public static DbProviderFactory Factory => s_factory.Value;

    /// <summary>Loads the provider from a folder.</summary>
    internal static DbProviderFactory Load(string folder) => Load(new DependencyContext(folder));

    private static DbProviderFactory Load(DependencyContext context) => context.LoadProvider("Microsoft.Data.Sqlite", "Microsoft.Data.Sqlite.SqliteFactory", "SQLite");
}
