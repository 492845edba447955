using System.Data.Common;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>A record of the database holds what the module never writes. Whoever handles errors of the database handles this one with them.</summary>
/// <param name="message">Which record, and what is wrong with it.</param>
/// <param name="cause">What came of reading it.</param>
internal sealed class UnreadableRecordException(string message, Exception cause) : DbException(message, cause);
