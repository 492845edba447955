using System.Runtime.Versioning;
using KlingPS.Core.Ledger.Postgres;

namespace KlingPS.Core.Tests.Ledger.Postgres;

public sealed class PasswordFileTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"klingps-{Guid.NewGuid():N}.pgpass");

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("db:5432:ledgers:anna:one", "one")]
    [InlineData("# a comment\n\ndb:5433:ledgers:anna:no\ndb:5432:other:anna:no\ndb:5432:ledgers:berta:no\n*:*:*:anna:two\n*:*:*:*:three", "two")]
    [InlineData("*:*:ledgers:*:with\\:colon\\\\and backslash\r\n", "with:colon\\and backslash")]
    [InlineData("d\\b:5432:ledgers:anna:one", "one")]
    [InlineData("db:5432:ledgers:anna", null)]
    [InlineData("db:5432:ledgers:an*:one", null)]
    [InlineData("", null)]
    public void The_first_line_that_fits_has_the_password(string content, string? password)
        => Assert.Equal(password, PasswordFile.Find(content, new ServerHost("db", null), "ledgers", "anna")?.Text);

    [Fact]
    public void The_socket_of_this_machine_is_its_localhost()
        => Assert.Equal("x", PasswordFile.Find("localhost:5432:ledgers:anna:x", new ServerHost("/var/run/postgresql", null), "ledgers", "anna")?.Text);

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void A_password_file_that_others_can_read_is_not_used_and_that_is_said()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Its folders are not open to others there.");
        File.WriteAllText(_file, "*:*:*:*:geheim");
        File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);

        var error = Assert.Throws<KlingException>(() => Find("PGPASSFILE"));
        Assert.Equal(
            $"The password file '{_file}' is open to other members of its group (its mode is 0640). Leave it to its owner alone: chmod 600 '{_file}'. "
            + "Until then no password is read from it, and without the ledger nothing is bought.",
            error.Message);

        File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal("geheim", Find("PGPASSFILE")?.Text);
    }

    [Fact]
    public void A_password_file_that_is_named_and_not_there_is_said()
        => Assert.Contains(_file, Assert.Throws<KlingException>(() => Find("PGPASSFILE")).Message, StringComparison.Ordinal);

    [Fact]
    public void The_password_is_that_of_the_address_then_of_the_secret_then_of_the_environment()
    {
        ServerAddress bare = Address("postgresql://anna@db/ledgers");
        ServerAddress full = Address("postgresql://anna:one@db/ledgers");
        string? Environment(string name) => name == "PGPASSWORD" ? "three" : null;

        Assert.Equal("one", new LedgerCredentials(full, Environment, () => new LedgerPassword("two")).FindPassword(full)?.Text);
        Assert.Equal("two", new LedgerCredentials(bare, Environment, () => new LedgerPassword("two")).FindPassword(bare)?.Text);
        Assert.Equal("three", new LedgerCredentials(bare, Environment, () => null).FindPassword(bare)?.Text);
    }

    private LedgerPassword? Find(string variable)
        => PasswordFile.Find(Address("postgresql://anna@db/ledgers"), "anna", name => name == variable ? _file : null);

    private static ServerAddress Address(string text)
    {
        Assert.Null(ServerAddressParser.TryParse(text, out ServerAddress? address));
        return address!;
    }
}
