using KlingPS.Core.Ledger;

namespace KlingPS.Core.Tests.Ledger;

public sealed class LedgerLocationTests
{
    private static readonly string s_folder = Path.GetTempPath();

    [Fact]
    public void The_environment_goes_before_the_configuration()
    {
        string named = Path.Combine(s_folder, "named.db");

        Assert.Equal(named, LedgerLocation.Resolve(Path.Combine(s_folder, "configured.db"), name => name == LedgerLocation.Variable ? named : null).Shown);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void The_configuration_goes_before_the_data_folder(string? unset)
    {
        string configured = Path.Combine(s_folder, "configured.db");

        Assert.Equal(configured, LedgerLocation.Resolve(configured, _ => unset).Shown);
    }

    [Fact]
    public void Without_either_it_lies_in_the_users_data_folder()
    {
        string path = LedgerLocation.Resolve(null, _ => null).Shown;

        Assert.True(Path.IsPathFullyQualified(path));
        Assert.Equal("ledger.db", Path.GetFileName(path));
        Assert.Equal("KlingPS", Path.GetFileName(Path.GetDirectoryName(path)));
    }

    [Fact]
    public void The_data_folder_of_Linux_is_the_one_the_desktop_names()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "XDG_DATA_HOME is a matter of Linux.");

        Assert.Equal("/data/KlingPS/ledger.db", LedgerLocation.Resolve(null, name => name == "XDG_DATA_HOME" ? "/data" : null).Shown);
        Assert.EndsWith("/.local/share/KlingPS/ledger.db", LedgerLocation.Resolve(null, name => name == "XDG_DATA_HOME" ? "data" : null).Shown, StringComparison.Ordinal);
    }

    [Fact]
    public void A_relative_path_is_refused_because_every_folder_would_have_its_own_ledger()
    {
        var byVariable = Assert.Throws<KlingException>(() => LedgerLocation.Resolve(null, _ => "ledger.db").Shown);
        var byConfiguration = Assert.Throws<KlingException>(() => LedgerLocation.Resolve("ledger.db", _ => null).Shown);

        Assert.Equal(ErrorKind.LedgerUnusable, byVariable.Kind);
        Assert.Contains(LedgerLocation.Variable, byVariable.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorKind.LedgerUnusable, byConfiguration.Kind);
        Assert.Contains("configuration", byConfiguration.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HOME", "home")]
    [InlineData("SNAP_REAL_HOME", "home")]
    [InlineData("SUDO_USER", "the user's name")]
    [InlineData("", "")]
    public void Another_ledger_at_the_usual_place_is_told(string variable, string value)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The data folder of Windows is where it is.");
        string home = Directory.CreateTempSubdirectory("klingps-home-").FullName;
        try
        {
            string[] below = OperatingSystem.IsMacOS() ? ["Library", "Application Support"] : [".local", "share"];
            string usual = Path.Combine([home, .. below, "KlingPS", "ledger.db"]);
            string inUse = Path.Combine(home, "sandboxed", "KlingPS", "ledger.db");
            string? Find(string path) => LedgerLocation.FindOther(
                path,
                name => name == variable ? (value == "home" ? home : value) : null,
                user => user == (value is "home" ? string.Empty : value is "" ? Environment.UserName : value) ? home : null);
            Assert.Null(Find(inUse));

            Directory.CreateDirectory(Path.GetDirectoryName(usual)!);
            File.WriteAllText(usual, "a ledger");

            Assert.Contains($"'{usual}'", Find(inUse), StringComparison.Ordinal);
            Assert.Contains($"'{inUse}'", Find(inUse), StringComparison.Ordinal);
            Assert.Null(Find(usual));
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }
}
