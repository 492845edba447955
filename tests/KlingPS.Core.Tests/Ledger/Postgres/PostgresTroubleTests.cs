using System.Data.Common;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Ledger.Contract;

namespace KlingPS.Core.Tests.Ledger.Postgres;

/// <summary>What can be wrong with a server, and that each is said in its own words; nothing is bought then.</summary>
public sealed class PostgresTroubleTests(ITestOutputHelper output)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_unknown_host_is_said()
        => Assert.Contains("no host 'no-such-host.invalid' is known", await SayAsync(Read("postgresql://anna@no-such-host.invalid/ledgers")), StringComparison.Ordinal);

    [Fact]
    public async Task The_role_is_named_with_the_address_and_its_password_is_not()
        => Assert.StartsWith(
            "The ledger 'postgresql://anna@no-such-host.invalid:5433/ledgers' cannot be used: ",
            await SayAsync(Read("postgresql://anna:geheim@no-such-host.invalid:5433/ledgers")),
            StringComparison.Ordinal);

    [Fact]
    public async Task A_refused_connection_is_said()
    {
        int port = LoopbackPort.Reserve();

        Assert.Contains($"nothing answers at 127.0.0.1, port {port}: the connection was refused", await SayAsync(Read($"postgresql://anna@127.0.0.1:{port}/ledgers")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_that_is_not_there_is_said()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Its sockets are elsewhere.");

        Assert.Contains("there is no socket in '/no/such/folder' for port 5432", await SayAsync(Read("postgresql://anna@%2Fno%2Fsuch%2Ffolder/ledgers")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_is_closed_at_once_is_said()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task answering = Task.Run(async () =>
        {
            using TcpClient client = await listener.AcceptTcpClientAsync(Token);
        },
        Token);

        string said = await SayAsync(Read($"postgresql://anna@127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/ledgers?sslmode=disable"));

        Assert.Contains("the connection to 127.0.0.1 failed", said, StringComparison.Ordinal);
        await answering;
    }

    [Fact]
    public async Task A_wrong_password_is_said_and_not_repeated()
    {
        PostgresServer server = await PostgresServer.Shared;
        ServerAddress address = server.Address(user: PostgresServer.ScramRole);

        string wrong = await SayAsync(address with { Password = new LedgerPassword("geheim") });
        string missing = await SayAsync(address);

        Assert.Contains("the server refuses the role 'scram' (password authentication failed for user \"scram\")", wrong, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", wrong, StringComparison.Ordinal);
        Assert.Contains("the server asks for a password of the role 'scram', and none was found", missing, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_right_password_opens_the_ledger_whatever_characters_are_in_it()
    {
        PostgresServer server = await PostgresServer.Shared;
        string schema = NewSchema();
        await server.SqlAsync($"CREATE SCHEMA {schema} AUTHORIZATION {PostgresServer.ScramRole}", "ledgers");

        await using SqlLedger ledger = Open(server.Address(schema, user: PostgresServer.ScramRole) with { Password = new LedgerPassword(PostgresServer.Password) });
        await ledger.OpenAsync(Token);

        Assert.True(await ledger.ExistsAsync(Token));
    }

    [Fact]
    public async Task A_server_that_cannot_prove_to_be_the_one_at_the_other_end_is_refused_if_the_address_asks_for_that()
    {
        PostgresServer server = await PostgresServer.Shared;
        string schema = NewSchema();
        await server.SqlAsync($"CREATE SCHEMA {schema} AUTHORIZATION {PostgresServer.ScramRole}", "ledgers");
        ServerAddress plain = server.Address(schema, user: PostgresServer.ScramRole, settings: "sslmode=disable&channel_binding=require") with { Password = new LedgerPassword(PostgresServer.Password) };

        Assert.Contains("channel_binding=require in the address asks for that", await SayAsync(plain), StringComparison.Ordinal);

        await using SqlLedger ledger = Open(plain with { Tls = TlsMode.Require });
        await ledger.OpenAsync(Token);
        Assert.True(await ledger.ExistsAsync(Token));
    }

    [Fact]
    public async Task An_unknown_role_and_an_unknown_database_are_said()
    {
        PostgresServer server = await PostgresServer.Shared;

        Assert.Contains("the server refuses the role 'nobody_here' (role \"nobody_here\" does not exist)", await SayAsync(server.Address(user: "nobody_here")), StringComparison.Ordinal);
        Assert.Contains("the server has no database 'none'", await SayAsync(server.Address() with { Database = "none" }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Missing_rights_are_said()
    {
        PostgresServer server = await PostgresServer.Shared;
        await server.SqlAsync("DO $$BEGIN CREATE ROLE bare LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$");

        Assert.Contains("the role 'bare' does not have the rights it needs (permission denied for database ledgers)", await SayAsync(server.Address(NewSchema(), user: "bare")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_of_an_unknown_authority_and_one_for_another_host_are_said_apart_and_the_right_one_is_taken()
    {
        PostgresServer server = await PostgresServer.Shared;
        ServerAddress named = Read(FormattableString.Invariant($"postgresql://postgres@localhost:{server.Port}/ledgers?schema={NewSchema()}"));
        ServerHost byNumber = new("127.0.0.1", server.Port);

        string unknown = await SayAsync(named);
        Assert.Contains("the authority of the server's certificate, 'CN=KlingPS tests', is not trusted here. If it is your own, name its certificate in the address, with sslrootcert=/full/path (Root Certificate= ", unknown, StringComparison.Ordinal);
        Assert.DoesNotContain("is not for", unknown, StringComparison.Ordinal);

        string wrongHost = await SayAsync(named with { RootCertificate = server.RootCertificate, Hosts = [byNumber] });
        Assert.Contains("the certificate of the server is not for '127.0.0.1' but for 'localhost', so this may be another server than yours. Give the host in the address as the certificate has it", wrongHost, StringComparison.Ordinal);
        Assert.DoesNotContain("authority", wrongHost, StringComparison.Ordinal);

        string wrongFile = await SayAsync(named with { RootCertificate = Path.Combine(server.Folder, "server.crt") });
        Assert.Contains($"is not from an authority whose certificate is in '{server.Folder}/server.crt' (sslrootcert), but from 'CN=KlingPS tests'", wrongFile, StringComparison.Ordinal);

        string both = await SayAsync(named with { Hosts = [byNumber] });
        Assert.Contains("is not for '127.0.0.1' but for 'localhost'", both, StringComparison.Ordinal);
        Assert.Contains(". Besides, the authority of the server's certificate, 'CN=KlingPS tests', is not trusted here", both, StringComparison.Ordinal);

        Assert.Contains("is not trusted here", await SayAsync(named with { Tls = TlsMode.VerifyCA, Hosts = [byNumber] }), StringComparison.Ordinal);
        Assert.Contains("the file '/no/ca.pem' of sslrootcert cannot be read", await SayAsync(named with { RootCertificate = "/no/ca.pem" }), StringComparison.Ordinal);
        await using SqlLedger ledger = Open(named with { RootCertificate = server.RootCertificate });
        await ledger.OpenAsync(Token);
        await using SqlLedger anyName = Open(named with { RootCertificate = server.RootCertificate, Tls = TlsMode.VerifyCA, Hosts = [byNumber] });
        await anyName.OpenAsync(Token);
    }

    [Theory]
    [InlineData(-10, -3, "the certificate of the server expired on ")]
    [InlineData(3, 10, "the certificate of the server is not valid before ")]
    public async Task A_certificate_whose_time_is_over_or_has_not_come_is_said(int from, int to, string said)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(from), DateTimeOffset.UtcNow.AddDays(to));
        string root = Path.GetTempFileName();
        await File.WriteAllTextAsync(root, certificate.ExportCertificatePem(), Token);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task serving = ServeTlsAsync(listener, certificate);

        string text = await SayAsync(Read($"postgresql://anna@localhost:{((IPEndPoint)listener.LocalEndpoint).Port}/ledgers") with { RootCertificate = root });

        Assert.Contains(said, text, StringComparison.Ordinal);
        listener.Stop();
        await serving;
        File.Delete(root);
    }

    /// <summary>Answers whoever asks for TLS, as a server does, and no more than that.</summary>
    private static async Task ServeTlsAsync(TcpListener listener, X509Certificate2 certificate)
    {
        // What Windows takes for a server has its key in a file.
        using X509Certificate2 usable = OperatingSystem.IsWindows() ? X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null) : new X509Certificate2(certificate);
        while (true)
        {
            try
            {
                using TcpClient client = await listener.AcceptTcpClientAsync(Token);
                NetworkStream stream = client.GetStream();
                await stream.ReadExactlyAsync(new byte[8], Token);
                await stream.WriteAsync("S"u8.ToArray(), Token);
                await using var tls = new SslStream(stream);
                await tls.AuthenticateAsServerAsync(usable);
            }
            catch (Exception e) when (e is IOException or AuthenticationException)
            {
            }
            catch (Exception e) when (e is SocketException or InvalidOperationException)
            {
                return;
            }
        }
    }

    [Fact]
    public async Task A_server_that_only_reads_is_said()
    {
        PostgresServer server = await PostgresServer.Shared;
        await server.SqlAsync("DO $$BEGIN CREATE ROLE reader LOGIN SUPERUSER; EXCEPTION WHEN duplicate_object THEN NULL; END$$; ALTER ROLE reader SET default_transaction_read_only = on");

        Assert.Contains("the server only reads: it is a replica, or default_transaction_read_only is on", await SayAsync(server.Address(NewSchema(), user: "reader")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_too_old_is_said()
    {
        PostgresServer server = await PostgresServer.Shared;
        ServerAddress address = server.Address(NewSchema());
        await using var ledger = Open(new PostgresEngine(address, () => PostgresProvider.Factory, new LedgerCredentials(address, _ => null)) { RequiredVersion = 990000 });

        string said = (await Assert.ThrowsAsync<KlingException>(() => ledger.OpenAsync(Token))).Message;

        output.WriteLine(said);
        Assert.Matches("the server is PostgreSQL [0-9]+, and at least 99 is needed", said);
    }

    [Fact]
    public async Task A_database_that_cannot_hold_every_text_is_said()
    {
        PostgresServer server = await PostgresServer.Shared;
        await server.SqlAsync("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");

        Assert.Contains("the database's encoding is LATIN1", await SayAsync(server.Address() with { Database = "latin" }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ledger_of_a_later_version_is_refused_and_left_as_it_is()
    {
        await using var host = new PostgresHost(isPooled: false);
        await (await host.OpenAsync()).DisposeAsync();
        await host.SqlAsync("UPDATE schema_version SET version = 99");

        Assert.Contains("newer version of KlingPS (its format is 99", await SayAsync(host.Address), StringComparison.Ordinal);
        Assert.Equal(99L, await host.SqlAsync("SELECT version FROM schema_version"));
        await host.SqlAsync($"UPDATE schema_version SET version = {Schema.Version}");
    }

    [Theory]
    [InlineData("53100", "could not extend file", "the disk of the server is full")]
    [InlineData("57014", "canceling statement due to statement timeout", "the server broke off a statement (canceling statement due to statement timeout)")]
    public async Task A_statement_that_the_server_cannot_or_will_not_finish_is_said_and_nothing_is_recorded(string code, string words, string told)
    {
        await using var host = new PostgresHost(isPooled: false);
        SqlLedger ledger = await host.OpenAsync();

        // At the very statement that would write the attempt.
        await host.SqlAsync($"CREATE FUNCTION refuse() RETURNS trigger AS $$BEGIN RAISE SQLSTATE '{code}' USING MESSAGE = '{words}'; END$$ LANGUAGE plpgsql; CREATE TRIGGER refuse BEFORE INSERT ON tasks EXECUTE FUNCTION refuse()");
        var error = await Assert.ThrowsAsync<KlingException>(() => ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token));
        await host.SqlAsync("DROP TRIGGER refuse ON tasks; DROP FUNCTION refuse");

        Assert.Contains(told, Note(error), StringComparison.Ordinal);
        Assert.Empty(await ledger.Tasks.ListAsync(new(), Token));
        Assert.Equal("accepted", (await ledger.Tasks.AcceptAsync((await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token)).Id, "accepted")).TaskId);
    }

    [Fact]
    public async Task A_role_with_the_least_rights_suffices_after_the_first_start()
    {
        PostgresServer server = await PostgresServer.Shared;
        string schema = NewSchema();
        await using (SqlLedger owner = Open(server.Address(schema)))
        {
            await owner.OpenAsync(Token);
        }

        // The grants that about_KlingPS_Ledger lists.
        await server.SqlAsync(
            $"DO $$BEGIN CREATE ROLE least LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$; GRANT USAGE ON SCHEMA {schema} TO least; "
            + $"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO least; GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO least",
            "ledgers");

        await using SqlLedger ledger = Open(server.Address(schema, user: "least"));
        long id = (await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token)).Id;
        await ledger.Tasks.AcceptAsync(id, "t1");
        await ledger.Tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot("t1", KlingTaskState.Failed));
        await ledger.Tasks.RemoveAsync(id);
        await (await ledger.RateGates.OpenCreateGate(LedgerHost.Account).EnterAsync(Token)).DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_to_which_a_backslash_in_a_literal_means_something_else_keeps_a_ledger_as_well(bool isOfEarlierVersion)
    {
        PostgresServer server = await PostgresServer.Shared;
        await server.SqlAsync("DO $$BEGIN CREATE ROLE old_literals LOGIN SUPERUSER; EXCEPTION WHEN duplicate_object THEN NULL; END$$; ALTER ROLE old_literals SET standard_conforming_strings = off");
        const string Path = @"C:\videos\fox.mp4";
        string schema = NewSchema();
        if (isOfEarlierVersion)
        {
            await using (SqlLedger earlier = Open(server.Address(schema)))
            {
                await earlier.OpenAsync(Token);
            }

            // Its triggers had the backslash itself.
            await server.SqlAsync(
                $"""
                DO $do$DECLARE f record; BEGIN
                    FOR f IN SELECT pg_get_functiondef(oid) AS text FROM pg_proc WHERE pronamespace = '{schema}'::regnamespace LOOP
                        EXECUTE replace(f.text, 'CHR(92)', quote_literal('\'));
                    END LOOP;
                END$do$
                """,
                "ledgers");
        }

        await using SqlLedger ledger = Open(server.Address(schema, user: "old_literals"));
        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token);
        await ledger.Tasks.AcceptAsync(task.Id, "t1");
        await ledger.Tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot("t1", KlingTaskState.Succeeded));
        await ledger.Tasks.RecordSavedAsync((await ledger.Tasks.FindAsync(task.Id, Token))!, Path, new string('a', 64));

        Assert.Equal(Path, Assert.Single(await ledger.Tasks.ListSavedPathsAsync(["D:/FOX.mp4"], Token)).Path);
        Assert.Single(await ledger.Spending.SumAsync(new SpendFilter(), KlingSpendGroup.Folder, Token));
    }

    [Fact]
    public async Task The_encoding_that_a_terminal_has_is_not_that_of_the_ledger()
    {
        ServerAddress address = Read($"postgresql://anna@127.0.0.1:{LoopbackPort.Reserve()}/ledgers");
        var settings = new DbConnectionStringBuilder();
        await using SqlLedger ledger = Open(new PostgresEngine(address, () => new SettingFactory(settings), new LedgerCredentials(address, _ => null)));

        await Assert.ThrowsAsync<KlingException>(() => ledger.OpenAsync(Token));

        Assert.Equal("UTF8", settings["Client Encoding"]);
    }

    private static string NewSchema() => $"trouble_{Guid.NewGuid():N}";

    private static SqlLedger Open(PostgresEngine engine) => new(engine, new ProcessOwners(ProcessIdentity.Current, owner => owner.IsAlive()), TimeProvider.System);

    private static SqlLedger Open(ServerAddress address) => Open(new PostgresEngine(address, () => PostgresProvider.Factory, new LedgerCredentials(address, _ => null)));

    private static ServerAddress Read(string text)
    {
        Assert.Null(ServerAddressParser.TryParse(text, out ServerAddress? address));
        return address!;
    }

    private async Task<string> SayAsync(ServerAddress address)
    {
        await using SqlLedger ledger = Open(address);
        return Note(await Assert.ThrowsAsync<KlingException>(() => ledger.Tasks.ClaimAsync(LedgerHost.Intent(), Token)));
    }

    private string Note(KlingException error)
    {
        output.WriteLine(error.Message);
        Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
        Assert.EndsWith("Without the ledger nothing is bought.", error.Message, StringComparison.Ordinal);
        return error.Message;
    }

    /// <summary>The provider with settings that can be looked at.</summary>
    private sealed class SettingFactory(DbConnectionStringBuilder settings) : DbProviderFactory
    {
        public override DbConnectionStringBuilder CreateConnectionStringBuilder() => settings;

        public override DbConnection? CreateConnection() => PostgresProvider.Factory.CreateConnection();
    }
}
