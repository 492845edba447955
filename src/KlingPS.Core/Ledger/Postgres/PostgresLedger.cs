using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>The ledger in a PostgreSQL database that any number of machines share.</summary>
internal static class PostgresLedger
{
    /// <summary>Creates the ledger. The database is opened when it is first needed, or by <see cref="ITaskLedger.OpenAsync"/>.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="time">The clock of this process, to wait by.</param>
    /// <param name="secret">Asks the secret store for the password, if one is configured.</param>
    public static SqlLedger Create(ServerAddress address, TimeProvider time, Func<LedgerPassword?>? secret = null)
        => new(
            CreateEngine(address, secret),
            new HeartbeatOwners(
                ProcessIdentity.Current with { Machine = MachineName.Current },
                owner => MachineName.Confirm(owner, (owner with { Machine = ProcessIdentity.Current.Machine }).IsAlive())),
            time,
            AnswerSpool.Find(MachineName.Current, time));

    /// <summary>Opens a ledger for reading only: nothing is created or changed.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="secret">Asks the secret store for the password, if one is configured.</param>
    /// <exception cref="System.Data.Common.DbException">It cannot be read.</exception>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: there is no ledger, or no PostgreSQL client.</exception>
    public static Task<TaskSuggestions> OpenReadOnlyAsync(ServerAddress address, Func<LedgerPassword?>? secret = null) => TaskSuggestions.OpenAsync(CreateEngine(address, secret));

    private static PostgresEngine CreateEngine(ServerAddress address, Func<LedgerPassword?>? secret)
        => new(address, () => PostgresProvider.Factory, new LedgerCredentials(address, Environment.GetEnvironmentVariable, secret)) { Machine = MachineName.Current };
}
