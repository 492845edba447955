using System.Data.Common;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>A commit was sent but not answered: the transaction may or may not have happened. See <see cref="IDatabaseEngine.FindOutcomeAsync"/>.</summary>
/// <param name="writer">The connection that made the transaction, as the database knows it.</param>
/// <param name="number">The number of the transaction among those of the connection.</param>
/// <param name="cause">How the answer was lost.</param>
internal sealed class CommitLostException(string writer, long number, DbException cause) : DbException(cause.Message, cause)
{
    /// <summary>The connection that made the transaction.</summary>
    public string Writer => writer;

    /// <summary>The number of the transaction among those of the connection.</summary>
    public long Number => number;

    /// <summary>How the answer was lost.</summary>
    public DbException Cause => cause;
}
