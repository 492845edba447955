namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What several processes do at once, and long lives of a ledger, over connections of PostgreSQL itself. The rest is in <see cref="PostgresLedgerTests"/>.</summary>
public static class DirectPostgresLedgerTests
{
    public sealed class Journal() : TaskJournalContract(new PostgresHost(isPooled: false));

    public sealed class Machines() : MachineContract(new PostgresHost(isPooled: false));

    public sealed class Owners() : OwnerContract(new PostgresHost(isPooled: false));

    public sealed class Model() : LedgerModelContract(() => new PostgresHost(isPooled: false), lives: 5);
}
