using CsCheck;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Postgres;

namespace KlingPS.Core.Tests.Ledger.Postgres;

public sealed class ServerAddressTests
{
    private const string Secret = "geheim:1";

    private const string Special = " @/:?#%=;&'\"ß日";

    private static readonly string[] s_hosts = ["db", "db.example.com", "127.0.0.1", "::1", "/run/pg"];

    private static readonly Gen<string> s_name = Gen.String[Gen.OneOf(Gen.Char['a', 'z'], Gen.Char['A', 'Z'], Gen.Int[0, Special.Length - 1].Select(i => Special[i])), 1, 12];

    [Theory]
    [InlineData("postgresql://anna@db.example.com/ledgers", "postgresql://anna@db.example.com/ledgers")]
    [InlineData("postgres://anna@db.example.com:5433/ledgers", "postgresql://anna@db.example.com:5433/ledgers")]
    [InlineData("POSTGRESQL://db/ledgers", "postgresql://db/ledgers")]
    [InlineData("postgresql://anna:geheim%3A1@db/ledgers", "postgresql://anna@db/ledgers")]
    [InlineData("postgresql://anna@db/ledgers?password=geheim%3A1", "postgresql://anna@db/ledgers")]
    [InlineData("postgresql://an%40na@db/led%2Fgers", "postgresql://an%40na@db/led%2Fgers")]
    [InlineData("postgresql://anna@one:1,two,[2001:db8::1]:3/ledgers", "postgresql://anna@one:1,two,[2001:db8::1]:3/ledgers")]
    [InlineData("postgresql://[::1]/ledgers", "postgresql://[::1]/ledgers")]
    [InlineData("postgresql://%2Fvar%2Frun%2Fpostgresql/ledgers", "postgresql://%2Fvar%2Frun%2Fpostgresql/ledgers")]
    [InlineData("postgresql:///ledgers?host=/var/run/postgresql&port=5433", "postgresql://%2Fvar%2Frun%2Fpostgresql:5433/ledgers")]
    [InlineData("postgresql:///?host=one,two&port=1,2&dbname=ledgers&user=anna", "postgresql://anna@one:1,two:2/ledgers")]
    [InlineData("postgresql://db/ledgers?sslmode=verify-full&sslrootcert=/etc/ca.pem&schema=team", "postgresql://db/ledgers?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&schema=team")]
    [InlineData("postgresql://db/ledgers?application_name=x&connect_timeout=3", "postgresql://db/ledgers")]
    [InlineData("postgresql://db/ledgers?sslmode=require&channel_binding=require", "postgresql://db/ledgers?sslmode=require&channel_binding=require")]
    [InlineData("postgresql://db/ledgers?channel_binding=prefer", "postgresql://db/ledgers")]
    [InlineData("Host=db;Database=ledgers;Channel Binding=Disable", "postgresql://db/ledgers?channel_binding=disable")]
    [InlineData("Host=db;Database=ledgers", "postgresql://db/ledgers")]
    [InlineData("host=db;port=5433;database=ledgers;username=anna;password=geheim:1", "postgresql://anna@db:5433/ledgers")]
    [InlineData("Server=db;Port=5433;User Id=anna;Password='geheim:1';Database=\"led;gers\";SSL Mode=Disable", "postgresql://anna@db:5433/led%3Bgers?sslmode=disable")]
    [InlineData("Pooling=true;Maximum Pool Size=50;Host=::1;Database=ledgers;SSL Mode=VerifyCA;Search Path=team", "postgresql://[::1]/ledgers?sslmode=verify-ca&schema=team")]
    public void An_address_is_read_and_shown_in_one_spelling_without_its_password(string text, string shown)
    {
        ServerAddress address = Read(text);

        Assert.Equal(shown, address.Shown);
        Assert.Equal(shown, address.ToString());
        Assert.Equal(text.Contains("geheim", StringComparison.Ordinal) ? Secret : null, address.Password?.Text);
        Assert.DoesNotContain("geheim", $"{address} {address.Password}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/data/ledger.db")]
    [InlineData("/data/host=x;database=y")]
    [InlineData("/postgresql://host/db")]
    public void A_full_path_is_a_file_whatever_is_in_it(string path)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "These are full paths elsewhere.");

        Assert.Null(LedgerAddress.TryParse(path, out LedgerAddress? address));
        Assert.Equal(Path.GetFullPath(path), Assert.IsType<FileAddress>(address).Path);
    }

    [Theory]
    [InlineData("host=x.db")]
    [InlineData("ledger.db")]
    [InlineData("./host=x;database=y")]
    [InlineData("database=x.db")]
    [InlineData("host=x;y=z.db")]
    [InlineData("a=b;c=d")]
    [InlineData("postgresql")]
    [InlineData("postgresql:/host/db")]
    [InlineData(@"C:\Users\Anna\host=x.db")]
    [InlineData("C:/ledgers/ledger.db")]
    [InlineData(@"\\server\share\host=x;database=y")]
    public void What_is_no_address_is_a_path(string path)
    {
        Assert.False(LedgerAddress.IsOfServer(path));
        Assert.True(LedgerAddress.TryParse(path, out LedgerAddress? address) is not null || address is FileAddress);
    }

    [Fact]
    public void An_address_that_is_too_long_in_the_spelling_in_which_it_is_shown_is_refused()
    {
        string? problem = LedgerAddress.TryParse($"postgresql://db/{new string('}', 2000)}", out _);

        Assert.EndsWith(": it is too long", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mysql://anna:geheim@db/ledgers", "an address that no ledger has")]
    [InlineData("https://db/ledgers", "an address that no ledger has")]
    [InlineData("anna:geheim@db/ledgers", "an address that no ledger has")]
    [InlineData("postgresql:/anna:geheim@db/ledgers", "an address that no ledger has")]
    [InlineData("postgresql://db", "names no database")]
    [InlineData("postgresql:///ledgers", "names no host")]
    [InlineData("postgresql://anna:geheim@/ledgers", "names no host")]
    [InlineData("postgresql://anna:ge/heim@db/ledgers", "written as %XX")]
    [InlineData("postgresql://anna:12/geheim@db/ledgers", "written as %XX")]
    [InlineData("postgresql://anna:ge?heim@db/ledgers", "has no value")]
    [InlineData("postgresql://anna:ge?geheim=x@db/ledgers", "an unknown setting.")]
    [InlineData("postgresql://anna:ge%heim@db/ledgers", "%25")]
    [InlineData("postgresql://db:0/ledgers", "port")]
    [InlineData("postgresql://db:65536/ledgers", "port")]
    [InlineData("postgresql://db/ledgers?port=1&port=2", "twice")]
    [InlineData("postgresql://db/ledgers?sslmode=prefer", "without TLS")]
    [InlineData("postgresql://db/ledgers?sslmode=safe", "sslmode")]
    [InlineData("postgresql://db/ledgers?channel_binding=maybe", "channel_binding")]
    [InlineData("postgresql://db/ledgers?sslrootcert=ca.pem", "full path")]
    [InlineData("postgresql://db/ledgers?options=-csearch_path%3Dx", "'options'")]
    [InlineData("postgresql://db/ledgers?schema=pg_catalog", "schema")]
    [InlineData("postgresql://db/ledgers?schema=a,b", "schema")]
    [InlineData("postgresql://[::1/ledgers", "brackets")]
    [InlineData("postgresql://[db]/ledgers", "brackets")]
    [InlineData("postgresql://d b/ledgers", "host")]
    [InlineData("postgresql://db/led%00gers", "characters")]
    [InlineData("postgresql://db/led%FFgers", "UTF-8")]
    [InlineData("Host=db;Database=ledgers;Trust Server Certificate=true;Password=geheim", "an unknown setting")]
    [InlineData("Host=db;Database=ledgers;Password=ge;geheim=x", "an unknown setting.")]
    [InlineData("Trust Server Certificate=true;Host=db;Database=ledgers;Password=geheim", "an unknown setting.")]
    [InlineData("Host=db,two;Port=1,2,3;Database=ledgers", "ports")]
    [InlineData("Host=db;Password=geheim", "names no database")]
    [InlineData("Database=ledgers;Password=geheim", "names no host")]
    [InlineData("Host=db;Database=\"ledgers;Password=geheim", "not a connection string")]
    public void What_cannot_be_used_is_refused_with_a_reason_that_repeats_nothing(string text, string reason)
    {
        string? problem = LedgerAddress.TryParse(text, out LedgerAddress? address);

        Assert.Contains(reason, problem, StringComparison.Ordinal);
        Assert.Null(address);
        Assert.True(LedgerAddress.IsOfServer(text));
        Assert.DoesNotContain("geheim", problem, StringComparison.Ordinal);
        var error = Assert.Throws<KlingException>(() => LedgerLocation.Resolve(null, _ => text));
        Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
        Assert.DoesNotContain("geheim", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("postgres//anna:geheim@db/ledgers")]
    [InlineData("POSTGRES//anna:geheim@db/ledgers")]
    [InlineData("  postgres//anna:geheim@db/ledgers")]
    [InlineData("postgres:anna:geheim@db/ledgers")]
    [InlineData("postgres:anna:geheim@")]
    [InlineData("postgres/anna:geheim@db/ledgers")]
    [InlineData(@"postgres\\anna:geheim@db/ledgers")]
    [InlineData("://anna:geheim@db/ledgers")]
    [InlineData("//anna:geheim@db/ledgers")]
    [InlineData("//:geheim@db/ledgers")]
    [InlineData("  //anna:geheim@db/ledgers")]
    [InlineData("anna:geheim@db:5432/ledgers")]
    [InlineData("a:geheim@db:5432/ledgers")]
    [InlineData("anna:ge/geheim@db/ledgers")]
    [InlineData("postgres%3A%2F%2Fanna%3Ageheim%40db/ledgers")]
    [InlineData("anna%3ageheim%40db/ledgers")]
    [InlineData("jdbc:postgresql://db/ledgers?user=anna&password=geheim")]
    [InlineData("host=db dbname=ledgers user=anna password=geheim")]
    [InlineData("  dbname = ledgers  password = 'geheim'")]
    public void An_address_that_is_none_of_a_ledger_is_no_path_and_shows_no_password(string text)
    {
        RequireHidden(text, "geheim");
        Assert.Contains("an address that no ledger has", LedgerAddress.TryParse(text, out _), StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_is_before_its_colon_and_behind_its_at_sign_no_message_shows_a_password()
        => Gen.Select(Gen.OneOf(Gen.String[Gen.Char["/\\:@.~%= \tapostgresql?&"], 0, 24], Gen.String), Gen.OneOf(Gen.Const(string.Empty), s_name), Gen.OneOf(Gen.String[Gen.Char["/:@.dbledgers"], 0, 16], Gen.String))
            .Where((before, _, _) => !Path.IsPathFullyQualified(before + ":"))
            .Sample((before, padding, after) => RequireHidden($"{before}:{padding}S3cr3t!W0rd@{after}", "S3cr3t!W0rd"));

    private static void RequireHidden(string text, string password)
    {
        using JsonFile file = new($$"""{ "Ledger": {{System.Text.Json.JsonSerializer.Serialize(text)}} }""");
        string? problem = LedgerAddress.TryParse(text, out LedgerAddress? address);

        Assert.True(LedgerAddress.IsOfServer(text));
        Assert.True(problem is not null || address is ServerAddress);
        Assert.DoesNotContain(password, $"{problem} {Record.Exception(() => LedgerLocation.Resolve(null, _ => text))} {Record.Exception(() => ConfigurationFile.Read(file.Path))}", StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_is_in_names_and_password_an_address_is_read_as_it_was_written()
        => Gen.Select(s_name, s_name, s_name, Gen.Int[0, 4].Select(i => s_hosts[i]), Gen.Int[1, 65535]).Sample((user, password, database, host, port) =>
        {
            string at = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : Uri.EscapeDataString(host);
            ServerAddress read = Read($"postgresql://{Uri.EscapeDataString(user)}:{Uri.EscapeDataString(password)}@{at}:{port}/{Uri.EscapeDataString(database)}");

            Assert.Equal((user, password, database, new ServerHost(host, port)), (read.User, read.Password!.Text, read.Database, Assert.Single(read.Hosts)));
            Assert.Equal(read with { Password = null }, Read(read.Shown));
        });

    [Fact]
    public void Whatever_the_names_are_a_connection_string_says_the_same_as_an_address()
        => Gen.Select(s_name.Where(name => name.Trim() == name), s_name.Where(name => name.Trim() == name)).Sample((user, database) =>
        {
            var settings = new System.Data.Common.DbConnectionStringBuilder { ["Host"] = "db", ["Username"] = user, ["Database"] = database };

            Assert.Equal(Read($"postgresql://{Uri.EscapeDataString(user)}@db/{Uri.EscapeDataString(database)}"), Read(settings.ConnectionString));
        });

    [Theory]
    [InlineData("postgresql://anna:geheim@db/ledgers")]
    [InlineData("Host=db;Database=ledgers;Password=geheim")]
    [InlineData("postgresql://db/ledgers?password=geheim")]
    public void A_password_in_the_configuration_is_refused_and_shown_nowhere(string address)
    {
        using JsonFile file = new($$"""{ "DailyCreditCap": 5, "Ledger": "{{address}}" }""");

        var error = Assert.Throws<KlingException>(() => ConfigurationFile.Read(file.Path));

        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains("Ledger holds a password, and this file never holds one", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_is_never_written_to_the_configuration()
    {
        using JsonFile file = new("{ }");

        await Assert.ThrowsAsync<KlingException>(() => ConfigurationFile.ChangeAsync(
            file.Path, new Dictionary<string, object?> { ["Ledger"] = "postgresql://anna:geheim@db/ledgers" }, TimeProvider.System, TestContext.Current.CancellationToken));

        Assert.Equal("{ }", await File.ReadAllTextAsync(file.Path, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void The_ledger_of_a_configuration_that_an_earlier_version_wrote_is_the_same_as_before()
    {
        string ledger = Path.GetFullPath("ledger.db");
        using JsonFile file = new($$"""{ "LedgerPath": {{System.Text.Json.JsonSerializer.Serialize(ledger)}} }""");
        using JsonFile both = new("""{ "LedgerPath": "/a.db", "Ledger": "/b.db" }""");

        Assert.Equal(ledger, ConfigurationFile.Read(file.Path).Ledger);
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The paths are full ones elsewhere.");
        Assert.Contains("Delete LedgerPath", Assert.Throws<KlingException>(() => ConfigurationFile.Read(both.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("postgresql://%2Frun%2Fpg/ledgers", TlsMode.Disable)]
    [InlineData("postgresql://localhost/ledgers", TlsMode.VerifyFull)]
    [InlineData("postgresql://db/ledgers", TlsMode.VerifyFull)]
    [InlineData("postgresql://db,%2Frun%2Fpg/ledgers", TlsMode.VerifyFull)]
    [InlineData("postgresql://localhost/ledgers?sslmode=disable", TlsMode.Disable)]
    [InlineData("postgresql://db/ledgers?sslmode=require", TlsMode.Require)]
    internal void All_but_a_socket_is_verified_in_full_unless_the_address_says_otherwise(string text, TlsMode mode)
        => Assert.Equal(mode, Read(text).EffectiveTls);

    private static ServerAddress Read(string text)
    {
        Assert.True(LedgerAddress.IsOfServer(text));
        Assert.Null(LedgerAddress.TryParse(text, out LedgerAddress? address));
        return Assert.IsType<ServerAddress>(address);
    }

    private sealed class JsonFile : IDisposable
    {
        public JsonFile(string content) => File.WriteAllText(Path, content);

        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"klingps-{Guid.NewGuid():N}.json");

        public void Dispose() => File.Delete(Path);
    }
}
