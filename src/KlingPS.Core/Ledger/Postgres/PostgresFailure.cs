using System.Data.Common;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>What kept a connection from being made or used, where the provider throws it as it came.</summary>
internal sealed class PostgresFailure(Exception cause) : DbException(cause.Message, cause);
