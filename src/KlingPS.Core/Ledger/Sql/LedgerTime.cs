namespace KlingPS.Core.Ledger.Sql;

/// <summary>One reading of the clocks that everyone sharing the ledger agrees on: the machine's for a file, the server's for a server.</summary>
/// <param name="Now">The time of day in UTC. It can jump.</param>
/// <param name="Ticks">A counter of 100 ns that setting the clock does not change.</param>
/// <param name="Epoch">Identifies the run of that counter, for example since the machine was started: readings of two epochs cannot be compared. May be empty.</param>
/// <param name="Midnight">When the current day of the daily limit began, if it is the same for everyone sharing the ledger; otherwise each user's own day counts.</param>
internal readonly record struct LedgerTime(DateTimeOffset Now, long Ticks, string Epoch, DateTimeOffset? Midnight = null);
