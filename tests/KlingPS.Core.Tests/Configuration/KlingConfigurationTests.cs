using KlingPS.Core.Api;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger;

namespace KlingPS.Core.Tests.Configuration;

public sealed class KlingConfigurationTests
{
    private static readonly Uri s_one = new("https://one.example/");
    private static readonly Uri s_two = new("https://two.example/");
    private static readonly Uri s_three = new("https://three.example/");
    private static readonly string s_ledger = Path.GetFullPath(Path.Combine(Path.GetTempPath(), "a-ledger.db"));

    [Fact]
    public void What_nobody_has_set_has_the_modules_defaults()
    {
        KlingConfiguration configuration = Resolve();

        Assert.Equal(("KlingApiKey", null), (configuration.SecretName, configuration.Vault));
        Assert.Equal(KlingEndpoints.Default, configuration.ToEndpoints());
        Assert.Equal((null, null, null, null, 60), (configuration.Proxy, configuration.DailyCreditCap, configuration.DefaultDestination, configuration.PollingInterval, configuration.RequestTimeout));
        Assert.All(configuration.Source.Values, source => Assert.Equal("default", source));
        Assert.Equal(typeof(ConfigurationValues).GetProperties().Select(property => property.Name).Order(), configuration.Source.Keys.Order());
    }

    [Fact]
    public void A_parameter_goes_before_the_environment_that_before_the_file_and_each_is_told()
    {
        var file = new ConfigurationValues { Endpoint = s_one, UploadEndpoint = s_one };

        KlingConfiguration configured = Resolve(file);
        KlingConfiguration named = Resolve(file, environment: new() { ["KLINGPS_ENDPOINT"] = s_two.AbsoluteUri, ["KLINGPS_UPLOAD_ENDPOINT"] = s_two.AbsoluteUri });
        KlingConfiguration given = Resolve(file, new() { Endpoint = s_three, UploadEndpoint = s_three }, new() { ["KLINGPS_ENDPOINT"] = s_two.AbsoluteUri, ["KLINGPS_UPLOAD_ENDPOINT"] = s_two.AbsoluteUri });

        Assert.Equal((s_one, s_one, "configuration", "configuration"), Endpoints(configured));
        Assert.Equal((s_two, s_two, "environment variable KLINGPS_ENDPOINT", "environment variable KLINGPS_UPLOAD_ENDPOINT"), Endpoints(named));
        Assert.Equal((s_three, s_three, "parameter", "parameter"), Endpoints(given));
    }

    [Fact]
    public void A_key_never_goes_to_the_upload_host_of_another_service()
    {
        var both = new ConfigurationValues { Endpoint = s_one, UploadEndpoint = s_two };
        Dictionary<string, string> variables = new() { ["KLINGPS_ENDPOINT"] = s_one.AbsoluteUri, ["KLINGPS_UPLOAD_ENDPOINT"] = s_two.AbsoluteUri };

        Assert.Equal(s_three, Resolve(both, environment: new() { ["KLINGPS_ENDPOINT"] = s_three.AbsoluteUri }).UploadEndpoint);
        Assert.Equal(s_three, Resolve(both, new() { Endpoint = s_three }).UploadEndpoint);
        Assert.Equal(s_three, Resolve(given: new() { Endpoint = s_three }, environment: variables).UploadEndpoint);
        Assert.Equal(s_one, Resolve(new() { Endpoint = s_one }).UploadEndpoint);
        Assert.Equal("the same as Endpoint", Resolve(new() { Endpoint = s_one }).Source["UploadEndpoint"]);
        Assert.Equal((KlingEndpoints.Default.Api, s_two), (Resolve(new() { UploadEndpoint = s_two }).Endpoint, Resolve(new() { UploadEndpoint = s_two }).UploadEndpoint));
    }

    [Theory]
    [InlineData("https://api.kie.ai")]
    [InlineData("https://API.kie.ai:443/")]
    [InlineData("https://api.kie.ai./")]
    public void Uploads_go_to_the_upload_host_where_the_address_of_the_service_itself_is_given(string address)
    {
        var api = new Uri(address);
        var elsewhere = new ConfigurationValues { Endpoint = s_one, UploadEndpoint = s_two };
        KlingConfiguration[] all =
        [
            Resolve(new() { Endpoint = api }),
            Resolve(elsewhere, environment: new() { ["KLINGPS_ENDPOINT"] = address }),
            Resolve(elsewhere, new() { Endpoint = api }, new() { ["KLINGPS_UPLOAD_ENDPOINT"] = s_two.AbsoluteUri }),
        ];

        Assert.All(all, one => Assert.Equal((KlingEndpoints.Default.Upload, "default"), (one.UploadEndpoint, one.Source["UploadEndpoint"])));
        Assert.Equal(s_two, Resolve(new() { Endpoint = api, UploadEndpoint = s_two }).UploadEndpoint);
    }

    [Theory]
    [InlineData("api.kie.ai")]
    [InlineData("http://api.kie.ai/")]
    [InlineData("https://api.kie.ai:444/")]
    [InlineData("https://api.kie.ai/mirror/")]
    [InlineData("https://api.kie.ai.example.com/")]
    public void Uploads_go_to_the_address_that_is_given_where_it_is_not_that_of_the_service_itself(string address)
    {
        var api = new Uri(address, UriKind.RelativeOrAbsolute);

        Assert.Equal(api, Resolve(given: new() { Endpoint = api }).UploadEndpoint);
    }

    [Fact]
    public void The_ledger_lies_where_the_environment_says_else_where_the_file_says()
    {
        KlingConfiguration configured = Resolve(new() { Ledger = s_ledger });
        KlingConfiguration named = Resolve(new() { Ledger = s_ledger }, environment: new() { [LedgerLocation.Variable] = s_ledger + "2" });

        Assert.Equal((s_ledger, "configuration"), (configured.Ledger, configured.Source["Ledger"]));
        Assert.Equal((s_ledger + "2", "environment variable KLINGPS_LEDGER"), (named.Ledger, named.Source["Ledger"]));
    }

    [Fact]
    public void Everything_the_file_sets_counts()
    {
        var file = new ConfigurationValues
        {
            SecretName = "name",
            Vault = "vault",
            Endpoint = s_one,
            UploadEndpoint = s_two,
            Proxy = s_three,
            Ledger = s_ledger,
            LedgerSecretName = "password",
            DailyCreditCap = 1,
            DefaultDestination = s_ledger,
            LogPath = s_ledger,
            ReportPath = s_ledger,
            PollingInterval = 2,
            RequestTimeout = 30,
        };

        KlingConfiguration configuration = Resolve(file);

        Assert.Equal(
            (file.SecretName, file.Vault, file.Proxy, file.DailyCreditCap, file.DefaultDestination, file.PollingInterval, file.RequestTimeout),
            (configuration.SecretName, configuration.Vault, configuration.Proxy, configuration.DailyCreditCap, configuration.DefaultDestination, configuration.PollingInterval, (double?)configuration.RequestTimeout));
        Assert.All(configuration.Source.Values, source => Assert.Equal("configuration", source));
        Assert.All(configuration.Source.Keys, name => Assert.True(configuration.IsSet(name)));
    }

    [Fact]
    public void A_key_in_the_wrong_variable_is_refused_and_not_repeated()
    {
        KlingException exception = Assert.Throws<KlingException>(() => Resolve(environment: new() { ["KLINGPS_ENDPOINT"] = "5d41402abc4b2a76" }));

        Assert.Equal(ErrorKind.RequestInvalid, exception.Kind);
        Assert.Contains("KLINGPS_ENDPOINT", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("5d41402abc4b2a76", exception.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_that_cannot_be_used_does_no_harm_where_a_parameter_goes_before_it()
    {
        Dictionary<string, string> wrong = new() { ["KLINGPS_ENDPOINT"] = "no address", ["KLINGPS_UPLOAD_ENDPOINT"] = "no address" };

        Assert.Equal((s_one, s_one, "parameter", "the same as Endpoint"), Endpoints(Resolve(given: new() { Endpoint = s_one }, environment: wrong)));
    }

    private static (Uri, Uri, string, string) Endpoints(KlingConfiguration configuration)
        => (configuration.Endpoint, configuration.UploadEndpoint, configuration.Source["Endpoint"], configuration.Source["UploadEndpoint"]);

    [Fact]
    public void A_ledger_that_is_named_and_not_there_is_told_before_an_empty_one_buys_everything_again()
    {
        string folder = Directory.CreateTempSubdirectory("klingps-config-").FullName;
        string ledger = Path.Combine(folder, "ledger.db");
        Uri service = KlingEndpoints.Default.Api;
        string? Describe(Uri endpoint) => Resolve(environment: new() { [LedgerLocation.Variable] = ledger }).DescribeNewLedger(endpoint);

        string told = Describe(service)!;
        Assert.StartsWith($"The ledger is '{ledger}' (from: environment variable KLINGPS_LEDGER), and there is no such file, so an empty one will be created there.", told, StringComparison.Ordinal);
        Assert.EndsWith("the empty one does not know what was bought, and all of that would be bought again.", told, StringComparison.Ordinal);
        Assert.Contains("(from: configuration)", Resolve(new() { Ledger = ledger }).DescribeNewLedger(service), StringComparison.Ordinal);
        Assert.Null(Describe(new Uri("http://127.0.0.1:8080/")));
        Assert.Null(Resolve().DescribeNewLedger(service));
        Assert.Null(Resolve(new() { Ledger = "postgresql://me@db.example/kling" }).DescribeNewLedger(service));

        File.WriteAllText(ledger, string.Empty);
        Assert.Null(Describe(service));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_configuration_that_the_environment_names_and_that_is_not_there_is_told()
    {
        string folder = Directory.CreateTempSubdirectory("klingps-config-").FullName;
        string path = Path.Combine(folder, "config.json");
        Uri service = KlingEndpoints.Default.Api;
        string? Describe(params (string Name, string Value)[] variables)
        {
            string? Read(string name) => variables.FirstOrDefault(variable => variable.Name == name).Value;
            return KlingConfiguration.Resolve(path, new ConfigurationValues(), new ConfigurationValues(), Read).DescribeMissing(service, Read);
        }

        string told = Describe((ConfigurationFile.Variable, path))!;
        Assert.StartsWith($"The environment variable KLINGPS_CONFIG names the configuration '{path}', but there is no such file.", told, StringComparison.Ordinal);
        Assert.Contains("The ledger in use is '", told, StringComparison.Ordinal);
        Assert.Null(Describe());

        // Its limit is lost, also where its ledger is not.
        (string Name, string Value)[] both = [(ConfigurationFile.Variable, path), (LedgerLocation.Variable, Path.Combine(folder, "ledger.db"))];
        Assert.Contains(" None of its settings are in force, so there is no daily limit. Correct the variable", Describe(both), StringComparison.Ordinal);
        service = new Uri("http://127.0.0.1:8080/");
        Assert.Null(Describe(both));
        Assert.Equal(told, Describe((ConfigurationFile.Variable, path)));
        service = KlingEndpoints.Default.Api;

        File.WriteAllText(path, "{ }");
        Assert.Null(Describe((ConfigurationFile.Variable, path)));
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("HOME", "home")]
    [InlineData("SNAP_REAL_HOME", "home")]
    [InlineData("SUDO_USER", "the user's name")]
    [InlineData("", "")]
    public void A_daily_limit_that_the_terminal_of_an_editor_or_sudo_has_lost_is_told(string variable, string value)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The configuration folder of Windows is where it is.");
        string home = Directory.CreateTempSubdirectory("klingps-home-").FullName;
        string[] below = OperatingSystem.IsMacOS() ? ["Library", "Application Support"] : [".config"];
        string usual = Path.Combine([home, .. below, "KlingPS", "config.json"]);
        string inUse = Path.Combine(home, "sandboxed", "KlingPS", "config.json");
        Uri service = KlingEndpoints.Default.Api;
        string? Describe(string path, Uri endpoint, params (string Name, string Value)[] variables)
        {
            string? Read(string name) => name == variable ? (value == "home" ? home : value) : variables.FirstOrDefault(one => one.Name == name).Value;
            return KlingConfiguration.Resolve(path, new ConfigurationValues(), new ConfigurationValues(), Read)
                .DescribeOther(endpoint, Read, user => user == (value is "home" ? string.Empty : value is "" ? Environment.UserName : value) ? home : null);
        }

        Assert.Null(Describe(inUse, service));

        Directory.CreateDirectory(Path.GetDirectoryName(usual)!);
        File.WriteAllText(usual, "{ \"DailyCreditCap\": 50 }");
        string told = Describe(inUse, service)!;
        Assert.StartsWith($"This shell looks for the configuration at '{inUse}', where there is none. There is one at the usual place, '{usual}'", told, StringComparison.Ordinal);
        Assert.Contains("no daily limit, and the ledger that it may name is not used.", told, StringComparison.Ordinal);
        Assert.Contains("no daily limit. To use it,", Describe(inUse, service, (LedgerLocation.Variable, Path.Combine(home, "ledger.db"))), StringComparison.Ordinal);

        Assert.Null(Describe(usual, service));
        Assert.Null(Describe(inUse, new Uri("http://127.0.0.1:8080/")));
        Assert.Null(Describe(inUse, service, (ConfigurationFile.Variable, inUse)));

        Directory.CreateDirectory(Path.GetDirectoryName(inUse)!);
        File.WriteAllText(inUse, "{ }");
        Assert.Null(Describe(inUse, service));
        Directory.Delete(home, recursive: true);
    }

    private static KlingConfiguration Resolve(ConfigurationValues? file = null, ConfigurationValues? given = null, Dictionary<string, string>? environment = null)
        => KlingConfiguration.Resolve("config.json", file ?? new(), given ?? new(), name => environment?.GetValueOrDefault(name));
}
