using System.Data.Common;
using KlingPS.Core.Ledger.Providers;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>The PostgreSQL client that ships with the module: Npgsql.</summary>
internal static class PostgresProvider
{
    private static readonly Lazy<DbProviderFactory> s_factory = new(() => Load(DependencyContext.Shipped));

    /// <summary>The provider; loaded when it is first needed.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the module is incomplete.</exception>
    public static DbProviderFactory Factory => s_factory.Value;

    private static DbProviderFactory Load(DependencyContext context) => context.LoadProvider("Npgsql", "Npgsql.NpgsqlFactory", "the PostgreSQL client");
}
