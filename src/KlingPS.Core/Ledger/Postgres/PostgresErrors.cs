using System.Data.Common;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>What the errors of PostgreSQL and of connections to it mean, and what to do.</summary>
internal static class PostgresErrors
{
    private const string SerializationFailure = "40001";
    private const string Deadlock = "40P01";

    /// <summary>Whether a transaction failed only because another one ran at the same time.</summary>
    public static bool IsConflict(DbException exception) => exception.SqlState is SerializationFailure or Deadlock;

    /// <summary>Whether an exception that is not one of the provider's own is about the connection.</summary>
    public static bool IsOfConnection(Exception exception)
        => exception is SocketException or IOException or TimeoutException or AuthenticationException or ObjectDisposedException or UnauthorizedAccessException;

    /// <summary>Whether it was the server that answered, rather than nobody, or a pooler on behalf of a server that is gone.</summary>
    public static bool IsOfServer(DbException exception)
        => exception.SqlState is string state && state is not ("57P01" or "57P02" or "57P03") && !state.StartsWith("08", StringComparison.Ordinal);

    /// <summary>Whether the certificate of the server may have been turned down.</summary>
    public static bool IsOfCertificate(DbException exception) => Causes(exception).Any(cause => cause is AuthenticationException);

    /// <summary>Says in plain words what is wrong.</summary>
    /// <param name="exception">The error.</param>
    /// <param name="address">Where the ledger is.</param>
    /// <param name="user">The role.</param>
    public static string Describe(DbException exception, ServerAddress address, string user)
    {
        string said = exception.Message.TrimEnd('.');
        return exception.SqlState switch
        {
            // It may come from a service in between: then these are its words.
            "28P01" or "28000" => $"the server refuses the role '{user}' ({Text(exception)}). Check the role and its password: in the address of the environment, LedgerSecretName, PGPASSWORD or the password file; and what pg_hba.conf allows",
            "3D000" => $"the server has no database '{address.Database}'. Create it (createdb), or correct the address",
            "42501" => $"the role '{user}' does not have the rights it needs ({Text(exception)}). Its first start needs CREATE on the database; later ones need the rights that about_KlingPS_Ledger grants",
            "25006" => "the server only reads: it is a replica, or default_transaction_read_only is on. Give the address of the primary",
            "53100" => "the disk of the server is full. Free some space there, then run the command again",
            "53300" => "the server has no connection left (max_connections). Close some, let pgbouncer share them, or run the command later",
            "53200" => "the server has no memory left. Run the command again when it has",
            "57014" => $"the server broke off a statement ({Text(exception)}). If statement_timeout is set for the role or the database, raise it; then run the command again",
            "55P03" => "another machine or program has kept it locked for a minute. End what is stuck, then run the command again",
            "57P03" => "the server is starting or stopping. Run the command again in a moment",
            "57P01" or "57P02" or "57P05" or "25P03" or "08003" or "08006" or "08001" or "08004" => $"the connection to the server was ended ({Text(exception)}). Nothing was recorded. Run the command again when the server is there",
            "08P01" when said.Contains("server login", StringComparison.Ordinal) || said.Contains("query_wait_timeout", StringComparison.Ordinal)
                => $"the pooler does not reach the server behind it ({Text(exception)}). Start the server, then run the command again",
            "08P01" or "26000" or "34000" => $"the server, or the pooler in between, ended the connection ({Text(exception)}). Run the command again; if it happens each time, see the words on pgbouncer in about_KlingPS_Ledger",
            "42P01" or "42703" or "3F000" => $"its tables are not those of a ledger ({Text(exception)}). Restore a backup, or give another schema or database",
            string state => $"the server reports: {Text(exception)} ({state})",
            null => DescribeCause(exception, address, user, said),
        };
    }

    private static string DescribeCause(DbException exception, ServerAddress address, string user, string said)
    {
        string hosts = string.Join(", ", address.Hosts.Select(host => host.Name));
        foreach (Exception cause in Causes(exception))
        {
            switch (cause)
            {
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain }:
                    return $"no host '{hosts}' is known. Correct the address, or check the network and its name server";
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    return $"nothing answers at {hosts}, port {Ports(address)}: the connection was refused. Start the server, or correct host and port";
                case SocketException { SocketErrorCode: SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.NetworkDown or SocketError.HostDown }:
                    return $"there is no way to {hosts}. Check the network";
                case SocketException { SocketErrorCode: SocketError.AddressNotAvailable or SocketError.InvalidArgument } or FileNotFoundException or DirectoryNotFoundException when address.Hosts.Any(host => host.IsSocket):
                    return $"there is no socket in '{hosts}' for port {Ports(address)}. Start the server, or correct folder and port";
                case CertificateRefusedException or LedgerReplacedException:
                    return cause.Message;
                case AuthenticationException:
                    // What the platform says about a rejected certificate concerns only the program.
                    string why = cause.Message.Contains("RemoteCertificateValidationCallback", StringComparison.Ordinal)
                        ? $"its authority is not trusted here, or it is not for '{hosts}'"
                        : cause.Message.TrimEnd('.');
                    return $"the certificate of the server cannot be verified ({why}). Name the certificate of its authority with sslrootcert=/full/path, and the host as the certificate has it; sslmode says how much is checked";
                case TimeoutException:
                    return $"{hosts} did not answer in time. Check the network and the server, including the one behind a pooler, then run the command again";
            }
        }

        return said switch
        {
            _ when said.Contains("SSL connection requested", StringComparison.OrdinalIgnoreCase) || said.Contains("No SSL enabled", StringComparison.OrdinalIgnoreCase)
                => "the server has no TLS, and the address asks for it, as it does unless it says otherwise. Give the server a certificate; or, on this machine or in a network of your own, add sslmode=disable to the address",
            _ when said.Contains("ChannelBinding is set to Require", StringComparison.Ordinal)
                => "the server cannot prove that it is the one at the other end of the TLS connection, and channel_binding=require in the address asks for that. Connect with TLS and without a pooler in between, or take it out of the address",
            _ when said.StartsWith("No password has been provided", StringComparison.Ordinal)
                => $"the server asks for a password of the role '{user}', and none was found: not in the environment's address, LedgerSecretName, PGPASSWORD or a password file. Set one of them",
            _ => $"the connection to {hosts} failed ({Causes(exception).Last().Message.TrimEnd('.')}). Nothing was recorded. Run the command again when the server is there",
        };
    }

    private static string Ports(ServerAddress address)
        => string.Join(", ", address.Hosts.Select(host => (host.Port ?? ServerAddress.DefaultPort).ToString(CultureInfo.InvariantCulture)).Distinct());

    /// <summary>The server's own words, without the code before them.</summary>
    private static string Text(DbException exception)
    {
        string said = exception.Message.Split('\n')[0].TrimEnd('.', '\r');
        return exception.SqlState is string state && said.StartsWith(state + ": ", StringComparison.Ordinal) ? said[(state.Length + 2)..] : said;
    }

    private static IEnumerable<Exception> Causes(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            yield return exception;
        }
    }
}
