namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>The contract over PostgreSQL behind a pgbouncer that gives each transaction another connection.</summary>
public static class PooledLedgerTests
{
    public sealed class Journal() : TaskJournalContract(new PostgresHost(isPooled: true));

    public sealed class States() : TaskStateContract(new PostgresHost(isPooled: true));

    public sealed class Queries() : TaskQueryContract(new PostgresHost(isPooled: true));

    public sealed class Recovery() : RecoveryContract(new PostgresHost(isPooled: true));

    public sealed class Budget() : BudgetContract(new PostgresHost(isPooled: true));

    public sealed class Machines() : MachineContract(new PostgresHost(isPooled: true));

    public sealed class Owners() : OwnerContract(new PostgresHost(isPooled: true));

    public sealed class Spend() : SpendContract(new PostgresHost(isPooled: true));

    public sealed class Caches() : CacheContract(new PostgresHost(isPooled: true));

    public sealed class Gates() : RateGateContract(new PostgresHost(isPooled: true));

    public sealed class Model() : LedgerModelContract(() => new PostgresHost(isPooled: true), lives: 5);

    public sealed class Sums() : SpendingSumContract(() => new PostgresHost(isPooled: true), lives: 5);
}
