using System.Text;
using System.Text.Json;
using CsCheck;
using KlingPS.Core.Configuration;

namespace KlingPS.Core.Tests.Configuration;

public sealed class ConfigurationFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-config-");

    private string FilePath => Path.Combine(_folder.FullName, "config.json");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_file_that_does_not_exist_sets_nothing()
        => Assert.Equal(new ConfigurationValues(), ConfigurationFile.Read(Path.Combine(_folder.FullName, "none", "config.json")));

    [Fact]
    public void What_is_known_is_read_in_any_case_and_what_is_not_is_named()
    {
        string ledger = Path.Combine(_folder.FullName, "ledger.db");
        File.WriteAllText(FilePath, $$"""
            {
              "dailycreditcap": 420.5, "LedgerPath": {{JsonSerializer.Serialize(ledger)}}, "Later": { "a": 1 }, "Vault": null,
              "Proxy": "http://proxy.example:8080", "PollingInterval": 2.5, "RequestTimeout": 90
            }
            """);

        Assert.Equal(
            new ConfigurationValues { DailyCreditCap = 420.5m, Ledger = ledger, Proxy = new Uri("http://proxy.example:8080"), PollingInterval = 2.5, RequestTimeout = 90, UnknownNames = new(["Later"]) },
            ConfigurationFile.Read(FilePath));
    }

    [Fact]
    public void A_file_with_a_byte_order_mark_is_read()
    {
        File.WriteAllBytes(FilePath, [0xEF, 0xBB, 0xBF, .. """{ "Vault": "mine" }"""u8]);

        Assert.Equal("mine", ConfigurationFile.Read(FilePath).Vault);
    }

    [Theory]
    [InlineData("{\n  \"DailyCreditCap\": 5,\n  oops\n}", "line 3")]
    [InlineData("{\n  \"DailyCreditCap\": \"many\"\n}", "line 2")]
    [InlineData("{\n  \"Vault\": \"a\",\n  \"Nested\": {\n \"Vault\": 1 },\n  \"DailyCreditCap\": -1 }", "line 5")]
    [InlineData("", "line 1")]
    [InlineData("null", "line 1")]
    [InlineData("[1]", "line 1")]
    [InlineData("{\n\"SecretName\": \" \" }", "line 2")]
    [InlineData("{\n\"Endpoint\": \"http://api.example.com/\" }", "line 2")]
    [InlineData("{\n\"Endpoint\": \"api.example.com\" }", "line 2")]
    [InlineData("{\n\"Proxy\": \"proxy:8080\" }", "line 2")]
    [InlineData("{\n\"LedgerPath\": \"ledger.db\" }", "line 2")]
    [InlineData("{\n\"LedgerPath\": \"/data/ledger\\u0000.db\" }", "line 2")]
    [InlineData("{\n\"DefaultDestination\": \"/videos\\u0000\" }", "line 2")]
    [InlineData("{\n\"DefaultDestination\": \"videos\" }", "line 2")]
    [InlineData("{\n\"PollingInterval\": 0 }", "line 2")]
    [InlineData("{\n\"RequestTimeout\": 1e99 }", "line 2")]
    [InlineData("{\n\"Vault\": \"a\",\n\"vault\": \"b\" }", "line 3")]
    public void A_broken_file_is_an_error_that_says_where(string content, string where)
    {
        File.WriteAllText(FilePath, content);

        KlingException exception = Assert.Throws<KlingException>(() => ConfigurationFile.Read(FilePath));

        Assert.Equal(ErrorKind.RequestInvalid, exception.Kind);
        Assert.Contains(FilePath, exception.Message, StringComparison.Ordinal);
        Assert.Contains(where, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\n  \"Vault\": \"T\u00fcr\"\n}", 2)]
    [InlineData("{\n  \"Vault\": \"a\",\n  \"T\u00fcr\": 1\n}", 3)]
    [InlineData("{\n  \"Later\": [ 1,\n  \"T\u00fcr\" ]\n}", 3)]
    [InlineData("{\n  \"Vault\": \"\\ud800\"\n}", 2)]
    public async Task A_file_that_another_editor_has_saved_in_Windows_1252_is_an_error_that_says_where(string content, int line)
    {
        byte[] before = Encoding.Latin1.GetBytes(content);
        File.WriteAllBytes(FilePath, before);

        KlingException read = Assert.Throws<KlingException>(() => ConfigurationFile.Read(FilePath));
        KlingException written = await Assert.ThrowsAsync<KlingException>(() => ChangeAsync("DailyCreditCap", 5m));

        Assert.All([read, written], exception => Assert.Equal(ErrorKind.RequestInvalid, exception.Kind));
        Assert.All([read, written], exception => Assert.Contains($"'{FilePath}' is wrong in line {line}: it is not UTF-8 text", exception.Message, StringComparison.Ordinal));
        Assert.Equal(before, File.ReadAllBytes(FilePath));
    }

    [Theory]
    [InlineData("Proxy", "http://name:hunter2@proxy.example:8080")]
    [InlineData("Proxy", "http://proxy.example:8080/?password=hunter2")]
    [InlineData("Endpoint", "https://name:hunter2@api.example.com/")]
    [InlineData("UploadEndpoint", "https://api.example.com/?key=hunter2")]
    [InlineData("ApiKey", "hunter2")]
    [InlineData("KIE_API_KEY", "hunter2")]
    [InlineData("ProxyPassword", "hunter2")]
    [InlineData("HmacKey", "hunter2")]
    [InlineData("WebhookHmac", "hunter2")]
    [InlineData("AccessToken", "hunter2")]
    [InlineData("ClientSecret", "hunter2")]
    [InlineData("Authorization", "Bearer hunter2")]
    [InlineData("Pass", "hunter2")]
    [InlineData("proxy_pwd", "hunter2")]
    [InlineData("Key", "hunter2")]
    [InlineData("Gateway", "https://name:hunter2@gateway.example/")]
    [InlineData("Note", "Bearer hunter2")]
    [InlineData("SecretName", "hunter20123456789abcdef0123456789")]
    [InlineData("SecretName", "sk-hunter2-and-more")]
    public async Task A_secret_in_the_file_is_refused_and_not_repeated(string field, string value)
    {
        File.WriteAllText(FilePath, JsonSerializer.Serialize(new Dictionary<string, string> { [field] = value }));

        KlingException read = Assert.Throws<KlingException>(() => ConfigurationFile.Read(FilePath));
        Assert.DoesNotContain("hunter2", read.ToString(), StringComparison.Ordinal);

        File.Delete(FilePath);
        KlingException written = await Assert.ThrowsAsync<KlingException>(() => ChangeAsync(field, value));
        Assert.DoesNotContain("hunter2", written.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(FilePath));
    }

    [Theory]
    [InlineData("""{ "Service": { "apiKey": "hunter2" } }""")]
    [InlineData("""{ "Services": [ { "name": "a", "auth": { "user": "u", "pass": "hunter2" } } ] }""")]
    [InlineData("""{ "Headers": { "X-Note": "Bearer hunter2" } }""")]
    public void A_secret_within_another_field_is_refused_and_not_repeated(string content)
    {
        File.WriteAllText(FilePath, content);

        Assert.DoesNotContain("hunter2", Assert.Throws<KlingException>(() => ConfigurationFile.Read(FilePath)).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "KeyboardLayout": "de", "Passage": 1, "Compass": "north", "Authors": ["me"], "Bypass": true }""")]
    [InlineData("""{ "Note": "/home/anna/Projects2026/videos/for/the/exhibition" }""")]
    [InlineData("""{ "SecretName": "kling-api-key-of-the-studio-2026", "Vault": "7f9c24e5-4b5a-4c0e-9d0e-0123456789ab" }""")]
    public void What_only_sounds_like_a_secret_is_none(string content)
    {
        File.WriteAllText(FilePath, content);

        ConfigurationFile.Read(FilePath);
    }

    [Fact]
    public void The_name_of_a_secret_is_none()
    {
        File.WriteAllText(FilePath, """{ "HmacSecretName": "hmac", "SecretName": "kling" }""");

        Assert.Equal("kling", ConfigurationFile.Read(FilePath).SecretName);
    }

    [Fact]
    public void A_folder_in_its_place_is_an_error()
        => Assert.Equal(ErrorKind.FileUnreadable, Assert.Throws<KlingException>(() => ConfigurationFile.Read(_folder.FullName)).Kind);

    [Fact]
    public async Task A_change_makes_folder_and_file_and_a_reset_takes_the_field_out()
    {
        string path = Path.Combine(_folder.FullName, "new", "config.json");

        await ConfigurationFile.ChangeAsync(path, new Dictionary<string, object?> { ["Vault"] = "mine", ["DailyCreditCap"] = 5.5m, ["PollingInterval"] = 0.1 }, TimeProvider.System, CancellationToken.None);
        Assert.Equal(new ConfigurationValues { Vault = "mine", DailyCreditCap = 5.5m, PollingInterval = 0.1 }, ConfigurationFile.Read(path));

        await ConfigurationFile.ChangeAsync(path, new Dictionary<string, object?> { ["vault"] = null }, TimeProvider.System, CancellationToken.None);
        Assert.Equal(new ConfigurationValues { DailyCreditCap = 5.5m, PollingInterval = 0.1 }, ConfigurationFile.Read(path));
    }

    [Fact]
    public Task Whatever_is_changed_in_whatever_order_unknown_fields_stay_and_the_last_change_counts()
        => Gen.Select(Gen.OneOf(Gen.Const("Vault"), Gen.Const("SecretName")), Gen.OneOf(Gen.String[Gen.Char.AlphaNumeric, 1, 8], Gen.Const((string)null!))).Array[1, 12].SampleAsync(
            async changes =>
            {
                const string Later = """{ "list": [1.10, "ä"], "deep": { "x": null } }""";
                string path = Path.Combine(_folder.FullName, Guid.NewGuid().ToString("N"));
                File.WriteAllText(path, $$"""{ "Later": {{Later}}, "VAULT": "before" }""");
                var expected = new Dictionary<string, string?> { ["Vault"] = "before", ["SecretName"] = null };
                foreach ((string name, string? value) in changes)
                {
                    await ConfigurationFile.ChangeAsync(path, new Dictionary<string, object?> { [name] = value }, TimeProvider.System, CancellationToken.None);
                    expected[name] = value;
                }

                ConfigurationValues values = ConfigurationFile.Read(path);
                Assert.Equal((expected["Vault"], expected["SecretName"]), (values.Vault, values.SecretName));
                using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
                using JsonDocument later = JsonDocument.Parse(Later);
                Assert.True(JsonElement.DeepEquals(later.RootElement, document.RootElement.GetProperty("Later")));
            },
            iter: 30);

    [Fact]
    public async Task A_wrong_field_can_be_repaired_by_setting_it_and_a_wrong_one_beside_it_stops_the_change()
    {
        File.WriteAllText(FilePath, "{\n\"DailyCreditCap\": \"many\"\n}");

        await Assert.ThrowsAsync<KlingException>(() => ChangeAsync("Vault", "mine"));
        Assert.Equal("{\n\"DailyCreditCap\": \"many\"\n}", File.ReadAllText(FilePath));

        await ChangeAsync("DailyCreditCap", 7m);
        Assert.Equal(7, ConfigurationFile.Read(FilePath).DailyCreditCap);
    }

    [Fact]
    public async Task What_is_no_configuration_is_not_overwritten()
    {
        File.WriteAllText(FilePath, "{ \"Vault\": ");

        await Assert.ThrowsAsync<KlingException>(() => ChangeAsync("Vault", "mine"));

        Assert.Equal("{ \"Vault\": ", File.ReadAllText(FilePath));
    }

    [Fact]
    public async Task Changes_of_many_at_the_same_time_are_all_there_in_the_end()
    {
        string[] fields = ["Vault", "SecretName", "Endpoint", "UploadEndpoint", "Proxy"];

        await Task.WhenAll(fields.Select(field => Task.Run(() => ChangeAsync(field, "https://one.example"))));

        ConfigurationValues values = ConfigurationFile.Read(FilePath);
        Assert.Equal(("https://one.example", "https://one.example"), (values.Vault, values.SecretName));
        Assert.All([values.Endpoint, values.UploadEndpoint, values.Proxy], Assert.NotNull);
        Assert.Equal(["config.json", "config.json.lock"], _folder.GetFiles().Select(file => file.Name).Order());
    }

    [Fact]
    public async Task Nobody_ever_reads_half_a_file()
    {
        await ChangeAsync("Vault", new string('v', 50_000));
        using var stop = new CancellationTokenSource();
        Task<int> reads = Task.Run(() =>
        {
            int count = 0;
            while (!stop.IsCancellationRequested)
            {
                Assert.Equal(50_000, ConfigurationFile.Read(FilePath).Vault!.Length);
                count++;
            }

            return count;
        });

        for (int i = 0; i < 30; i++)
        {
            await ChangeAsync("Vault", new string((char)('g' + (i % 20)), 50_000));
        }

        await stop.CancelAsync();
        await reads;
    }

    [Fact]
    public async Task A_change_waits_for_a_program_that_holds_the_file_open()
    {
        if (!OperatingSystem.IsWindows())
        {
            Assert.Skip("Elsewhere a file that is open can be replaced.");
            return;
        }

        await ChangeAsync("Vault", "before");
        Task change;
        using (new FileStream(FilePath, FileMode.Open, FileAccess.Read, FileShare.Read))
        {
            change = ChangeAsync("Vault", "after");
            Assert.False(change.IsCompleted);
        }

        await change;
        Assert.Equal("after", ConfigurationFile.Read(FilePath).Vault);
    }

    [Fact]
    public async Task A_link_stays_a_link_and_the_rights_of_the_file_stay()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Links need rights of their own on Windows.");
            return;
        }

        string kept = Path.Combine(_folder.FullName, "kept.json");
        File.WriteAllText(kept, "{}");
        File.SetUnixFileMode(kept, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.CreateSymbolicLink(FilePath, kept);

        await ChangeAsync("Vault", "mine");

        Assert.Equal(kept, new FileInfo(FilePath).LinkTarget);
        Assert.Equal("mine", ConfigurationFile.Read(kept).Vault);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(kept));
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_an_error_that_names_it()
    {
        string path = Path.Combine(FilePath, "config.json");
        File.WriteAllText(FilePath, "a file where a folder should be");

        KlingException exception = await Assert.ThrowsAsync<KlingException>(
            () => ConfigurationFile.ChangeAsync(path, new Dictionary<string, object?> { ["Vault"] = "mine" }, TimeProvider.System, CancellationToken.None));

        Assert.Equal(ErrorKind.FileUnreadable, exception.Kind);
        Assert.Contains(path, exception.Message, StringComparison.Ordinal);
    }

    private Task ChangeAsync(string name, object value)
        => ConfigurationFile.ChangeAsync(FilePath, new Dictionary<string, object?> { [name] = value }, TimeProvider.System, CancellationToken.None);
}
