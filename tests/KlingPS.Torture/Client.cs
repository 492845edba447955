using System.Globalization;
using System.Net;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Saving;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;

namespace KlingPS.Torture;

/// <summary>A session like a user's, with the real ledger and real connections.</summary>
internal sealed class Client : IAsyncDisposable
{
    public const string KeyVariable = "KIE_API_KEY";

    private Client(SqlLedger ledger, KlingSession session)
    {
        Ledger = ledger;
        Session = session;
    }

    public SqlLedger Ledger { get; }

    public KlingSession Session { get; }

    /// <summary>Opens the session that the command line describes; the key comes from the environment.</summary>
    public static Client Open(Arguments arguments)
    {
        TimeProvider time = arguments.Find("clock-off") is string minutes ? new MachineClock(TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture))) : TimeProvider.System;
        SqlLedger ledger = arguments.Find("machine") is string machine
            ? OpenServer(arguments.Get("ledger"), machine, arguments.Find("boot"), arguments.Get("spool"), time)
            : SqliteLedger.Create(Path.GetFullPath(arguments.Get("ledger")), time);
        return Open(
            ledger,
            new KlingEndpoints(new Uri(arguments.Get("endpoint")), new Uri(arguments.Get("upload-endpoint"))),
            Environment.GetEnvironmentVariable(KeyVariable) ?? string.Empty,
            time,
            arguments.Find("daily-cap") is string cap ? decimal.Parse(cap, CultureInfo.InvariantCulture) : null);
    }

    /// <summary>Opens the ledger on a server as one of several machines does.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="machine">The name of the machine.</param>
    /// <param name="boot">The id of its boot; that of this machine where nothing is said.</param>
    /// <param name="spool">The folder for what cannot be recorded.</param>
    /// <param name="time">The machine's clock.</param>
    public static SqlLedger OpenServer(string address, string machine, string? boot, string spool, TimeProvider time)
    {
        if (ServerAddressParser.TryParse(address, out ServerAddress? server) is string problem)
        {
            throw new FormatException($"--ledger {problem}.");
        }

        ProcessIdentity here = ProcessIdentity.Current;
        return new SqlLedger(
            new PostgresEngine(server!, () => PostgresProvider.Factory, new LedgerCredentials(server!, Environment.GetEnvironmentVariable)) { Machine = machine },
            new HeartbeatOwners(here with { Machine = machine, Boot = boot ?? here.Boot }, owner => (owner with { Machine = here.Machine, Boot = here.Boot }).IsAlive()),
            time,
            new AnswerSpool(spool, time));
    }

    public static Client Open(string ledgerPath, KlingEndpoints endpoints, string key)
        => Open(SqliteLedger.Create(Path.GetFullPath(ledgerPath), TimeProvider.System), endpoints, key);

    public static Client Open(SqlLedger ledger, KlingEndpoints endpoints, string key, TimeProvider? time = null, decimal? dailyCap = null)
    {
        var direct = new WebProxy();
        var session = new KlingSession(new SessionOptions
        {
            Endpoints = endpoints,
            Key = ApiKey.From(key),
            KeySource = KeyVariable,
            IsSandbox = true,
            ApiHandler = ApiHandler.Create(direct),
            DownloadHandler = VideoDownloader.CreateHandler(endpoints.Addresses, direct),
            Ledger = ledger,
            TimeProvider = time ?? TimeProvider.System,
            DailyCreditCap = dailyCap,
        });
        return new Client(ledger, session);
    }

    public async ValueTask DisposeAsync()
    {
        await Session.DisposeAsync();
        await Ledger.DisposeAsync();
    }
}
