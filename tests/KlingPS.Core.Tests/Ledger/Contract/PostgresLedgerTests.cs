namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>
/// The contract over PostgreSQL, behind a pgbouncer that gives each transaction another connection, where there is one. What the ledger can rely
/// on there, it can rely on without it.
/// </summary>
public static class PostgresLedgerTests
{
    private static PostgresHost Host() => new(isPooled: PostgresPooler.Missing is null);

    public sealed class Journal() : TaskJournalContract(Host());

    public sealed class States() : TaskStateContract(Host());

    public sealed class Queries() : TaskQueryContract(Host());

    public sealed class Recovery() : RecoveryContract(Host());

    public sealed class Identity() : IdentityContract(PostgresLedgerTests.Host);

    public sealed class Budget() : BudgetContract(Host());

    public sealed class Machines() : MachineContract(Host());

    public sealed class Owners() : OwnerContract(Host());

    public sealed class Spend() : SpendContract(Host());

    public sealed class Caches() : CacheContract(Host());

    public sealed class Gates() : RateGateContract(Host());

    public sealed class Model() : LedgerModelContract(Host, lives: 5);

    public sealed class Sums() : SpendingSumContract(Host, lives: 5);
}
