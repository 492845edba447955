namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>The contract over a SQLite file.</summary>
public static class SqliteLedgerTests
{
    public sealed class Journal() : TaskJournalContract(new TempLedger());

    public sealed class States() : TaskStateContract(new TempLedger());

    public sealed class Queries() : TaskQueryContract(new TempLedger());

    public sealed class Recovery() : RecoveryContract(new TempLedger());

    public sealed class Identity() : IdentityContract(() => new TempLedger());

    public sealed class Budget() : BudgetContract(new TempLedger());

    public sealed class Owners() : OwnerContract(new TempLedger());

    public sealed class Spend() : SpendContract(new TempLedger());

    public sealed class Machines() : MachineContract(new TempLedger());

    public sealed class Caches() : CacheContract(new TempLedger());

    public sealed class Gates() : RateGateContract(new TempLedger());

    public sealed class Model() : LedgerModelContract(() => new TempLedger());

    public sealed class Sums() : SpendingSumContract(() => new TempLedger());
}
