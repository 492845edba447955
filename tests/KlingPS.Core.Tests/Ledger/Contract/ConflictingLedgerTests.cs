namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>The contract over a database whose transactions fail when they run side by side, and which has a clock of its own.</summary>
public static class ConflictingLedgerTests
{
    public sealed class Journal() : TaskJournalContract(new ConflictingLedger());

    public sealed class States() : TaskStateContract(new ConflictingLedger());

    public sealed class Queries() : TaskQueryContract(new ConflictingLedger());

    public sealed class Recovery() : RecoveryContract(new ConflictingLedger());

    public sealed class Identity() : IdentityContract(() => new ConflictingLedger());

    public sealed class Budget() : BudgetContract(new ConflictingLedger());

    public sealed class Owners() : OwnerContract(new ConflictingLedger());

    public sealed class Machines() : MachineContract(new ConflictingLedger());

    public sealed class Caches() : CacheContract(new ConflictingLedger());

    public sealed class Gates() : RateGateContract(new ConflictingLedger());

    public sealed class Model() : LedgerModelContract(() => new ConflictingLedger());

    public sealed class Sums() : SpendingSumContract(() => new ConflictingLedger());
}
