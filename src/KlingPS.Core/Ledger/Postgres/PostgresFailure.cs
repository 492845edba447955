using System.Data.Common;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>What kept a connection from being made or used, if the provider throws it as it came.</summary>
internal sealed class PostgresFailure(Exception cause) : DbException(cause.Message, cause);

/// <summary>The machine stood still in the middle of a transaction, as one that sleeps does, and its connection is gone. Nothing of the transaction was committed.</summary>
internal sealed class PausedException(DbException cause) : DbException(cause.Message, cause);

/// <summary>The certificate of the server was turned down, and it is known why.</summary>
internal sealed class CertificateRefusedException(string problem, DbException cause) : DbException(problem, cause);
