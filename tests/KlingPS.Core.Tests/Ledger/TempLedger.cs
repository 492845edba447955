using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Tests.Ledger.Contract;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>The ledger as users have it: a SQLite file.</summary>
internal sealed class TempLedger : LedgerHost
{
    protected override SqlLedger Create(ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive, TimeProvider time)
        => new(new SqliteEngine(Path, () => SqliteProvider.Factory, time, owner.Boot), new ProcessOwners(owner, isAlive), time, Spool);

    /// <summary>No user has a file in this way. It shows what a ledger of several machines does, without a server.</summary>
    protected override SqlLedger CreateAt(ProcessIdentity owner, Func<ProcessIdentity, bool?> isAlive, TimeProvider time)
        => new(new SqliteEngine(Path, () => SqliteProvider.Factory, Time, boot: string.Empty) { Machine = owner.Machine }, new HeartbeatOwners(owner, isAlive), time);
}
