using System.Data.Common;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>A record of the database holds something that the module never writes. Code that handles database errors handles this one as well.</summary>
/// <param name="message">Which record, and what is wrong with it.</param>
/// <param name="cause">The error of reading it.</param>
internal sealed class UnreadableRecordException(string message, Exception cause) : DbException(message, cause);
