using System.Net;
using KlingPS.Core.Api;
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
    public static Client Open(Arguments arguments) => Open(
        arguments.Get("ledger"),
        new KlingEndpoints(new Uri(arguments.Get("endpoint")), new Uri(arguments.Get("upload-endpoint"))),
        Environment.GetEnvironmentVariable(KeyVariable) ?? string.Empty);

    public static Client Open(string ledgerPath, KlingEndpoints endpoints, string key)
    {
        var ledger = SqliteLedger.Create(Path.GetFullPath(ledgerPath), TimeProvider.System);
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
        });
        return new Client(ledger, session);
    }

    public async ValueTask DisposeAsync()
    {
        await Session.DisposeAsync();
        await Ledger.DisposeAsync();
    }
}
