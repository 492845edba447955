using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Ledger.Postgres;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>
/// The provider with connections that go on to the next test. A server that has to begin a process for each, which knows nothing of the tables
/// yet, takes longer for that than for most tests. They are reset in between, as Npgsql does it by itself.
/// </summary>
internal sealed class KeptConnections : DbProviderFactory
{
    public static KeptConnections Factory { get; } = new();

    public override DbConnection? CreateConnection() => PostgresProvider.Factory.CreateConnection();

    public override DbConnectionStringBuilder? CreateConnectionStringBuilder() => new Settings();

    private sealed class Settings : DbConnectionStringBuilder
    {
        [AllowNull]
        public override object this[string keyword]
        {
            get => base[keyword];
            set => base[keyword] = keyword switch { "Pooling" => true, "No Reset On Close" => false, "Application Name" => "KlingPS tests", _ => value };
        }
    }
}
