using KlingPS.Core.Configuration;

namespace KlingPS.Core.Tests.Configuration;

public sealed class ConfigurationFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-config-");

    private string FilePath => Path.Combine(_folder.FullName, "config.json");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_file_that_does_not_exist_sets_nothing()
        => Assert.Equal(new KlingConfiguration(), ConfigurationFile.Read(Path.Combine(_folder.FullName, "none", "config.json")));

    [Fact]
    public void What_is_known_is_read_and_what_is_not_is_passed_over()
    {
        File.WriteAllText(FilePath, """{ "DailyCreditCap": 420.5, "LedgerPath": "/data/ledger.db", "Later": { "a": 1 } }""");

        Assert.Equal(new KlingConfiguration { DailyCreditCap = 420.5m, LedgerPath = "/data/ledger.db" }, ConfigurationFile.Read(FilePath));
    }

    [Theory]
    [InlineData("{\n  \"DailyCreditCap\": 5,\n  oops\n}", "line 3")]
    [InlineData("{\n  \"DailyCreditCap\": \"many\"\n}", "line 2")]
    [InlineData("", "line 1")]
    [InlineData("null", "a JSON object")]
    [InlineData("[1]", "line 1")]
    [InlineData("{ \"DailyCreditCap\": -1 }", "not less than 0")]
    public void A_broken_file_is_an_error_that_says_where(string content, string where)
    {
        File.WriteAllText(FilePath, content);

        KlingException exception = Assert.Throws<KlingException>(() => ConfigurationFile.Read(FilePath));

        Assert.Equal(ErrorKind.RequestInvalid, exception.Kind);
        Assert.Contains(FilePath, exception.Message, StringComparison.Ordinal);
        Assert.Contains(where, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_in_its_place_is_an_error()
        => Assert.Equal(ErrorKind.FileUnreadable, Assert.Throws<KlingException>(() => ConfigurationFile.Read(_folder.FullName)).Kind);
}
