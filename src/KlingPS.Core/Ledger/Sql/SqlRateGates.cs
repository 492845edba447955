using System.Collections.Concurrent;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger.Sql;

/// <inheritdoc cref="IRateGates"/>
internal sealed class SqlRateGates(SqlStore store, SqlTaskJournal tasks, IAttemptOwners owners, TimeProvider time) : IRateGates
{
    /// <summary>The requests of this process that have passed a gate and are not over yet, by the numbers of their slots.</summary>
    private readonly ConcurrentDictionary<long, byte> _held = new();

    /// <inheritdoc/>
    public ICreateGate OpenCreateGate(string account) => new SqlCreateGate(Open($"create {account}", CreateRate.Limit, CreateRate.Window), tasks);

    /// <inheritdoc/>
    public IRateGate OpenQueryGate(string account) => Open($"query {account}", QueryRate.Limit, QueryRate.Window);

    /// <summary>A gate of any name.</summary>
    /// <param name="name">Names the requests that are counted together.</param>
    /// <param name="limit">How many requests the service takes in one window. At least 1.</param>
    /// <param name="window">The length of the window, with a margin for safety.</param>
    public SqlRateGate Open(string name, int limit, TimeSpan window)
        => new(store, owners, new RateLeaseTable(name, owners.Current, _held.ContainsKey), _held, limit, window, time);
}
