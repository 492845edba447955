using System.Data.Common;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>What kept a connection from being made or used, if the provider passes the original exception on.</summary>
internal sealed class PostgresFailure(Exception cause) : DbException(cause.Message, cause);

/// <summary>The machine paused in the middle of a transaction, for example because it slept, and its connection is gone. Nothing of the transaction was committed.</summary>
internal sealed class PausedException(DbException cause) : DbException(cause.Message, cause);

/// <summary>There is another ledger now where this one was opened.</summary>
internal sealed class LedgerReplacedException() : DbException(
    "there is another ledger now than the one that was opened: it was replaced, or the address leads to another server. Nothing is bought with it or recorded in it. "
    + "Make sure which of them is the right one. To use the one that is there now, run Disconnect-KlingAccount or close this shell, then run the command again");

/// <summary>The certificate of the server was rejected, and it is known why.</summary>
internal sealed class CertificateRefusedException(string problem, DbException cause) : DbException(problem, cause);
