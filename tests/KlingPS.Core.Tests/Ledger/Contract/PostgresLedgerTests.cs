namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>The contract over PostgreSQL.</summary>
public static class PostgresLedgerTests
{
    public sealed class Journal() : TaskJournalContract(new PostgresHost(isPooled: false));

    public sealed class States() : TaskStateContract(new PostgresHost(isPooled: false));

    public sealed class Queries() : TaskQueryContract(new PostgresHost(isPooled: false));

    public sealed class Recovery() : RecoveryContract(new PostgresHost(isPooled: false));

    public sealed class Budget() : BudgetContract(new PostgresHost(isPooled: false));

    public sealed class Machines() : MachineContract(new PostgresHost(isPooled: false));

    public sealed class Owners() : OwnerContract(new PostgresHost(isPooled: false));

    public sealed class Spend() : SpendContract(new PostgresHost(isPooled: false));

    public sealed class Caches() : CacheContract(new PostgresHost(isPooled: false));

    public sealed class Gates() : RateGateContract(new PostgresHost(isPooled: false));

    public sealed class Model() : LedgerModelContract(() => new PostgresHost(isPooled: false), lives: 5);

    public sealed class Sums() : SpendingSumContract(() => new PostgresHost(isPooled: false), lives: 5);
}
