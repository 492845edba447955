namespace KlingPS.Core.Ledger.Sql;

/// <summary>One reading of the clocks that all who share the ledger agree on: the machine's for a file, the server's for a server.</summary>
/// <param name="Now">The time of day in UTC. It can be stepped.</param>
/// <param name="Ticks">A counter of 100 ns that no step of the clock changes.</param>
/// <param name="Epoch">Names the run of that counter, for example of the machine since it was started: readings of two epochs cannot be compared. May be empty.</param>
/// <param name="Midnight">When the day that a daily limit counts by began, if it is the same for all who share the ledger; otherwise each user's own counts.</param>
internal readonly record struct LedgerTime(DateTimeOffset Now, long Ticks, string Epoch, DateTimeOffset? Midnight = null);
