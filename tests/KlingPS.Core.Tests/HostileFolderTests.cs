using KlingPS.Core.Configuration;
using KlingPS.Core.Converting;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Tests.Submitting;

namespace KlingPS.Core.Tests;

/// <summary>Links, pipes, sockets, devices, folders and second names in every place that is read or written.</summary>
public sealed class HostileFolderTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public static TheoryData<string> Kinds { get; } = [.. OddFiles.Kinds];

    public static TheoryData<string> AllButLink { get; } = [.. OddFiles.Kinds.Except(["link"])];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Destination => Path.Combine(_harness.Folder, "videos");

    private string Theirs => Path.Combine(_harness.Folder, "theirs");

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    /// <summary>Puts something where a file is expected.</summary>
    private string Put(string kind, params string[] names)
    {
        string path = Path.Combine([_harness.Folder, .. names]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        OddFiles.Put(kind, path, Theirs);
        return path;
    }

    /// <summary>What somebody else has is as it was, and nothing has come where a link leads.</summary>
    private void AssertNothingOverwritten(string kind)
    {
        Assert.False(File.Exists(Theirs + "-nothing"));
        Assert.Equal(kind is "link" or "hard link" ? OddFiles.Theirs : null, File.Exists(Theirs) ? File.ReadAllText(Theirs) : null);
    }

    private static async Task<KlingException> FailsAsync(Func<Task> work)
        => await Eventually.DoneAsync(Task.Run(() => Assert.ThrowsAsync<KlingException>(work), Token), "the refusal");

    private async Task<Outcome<TaskReference, SavedVideo>> SaveAsync(bool overwrite = false, string taskId = "fox")
    {
        KlingVideoTask task = await _harness.FinishedAsync(taskId, "/images/fox.png");
        var saver = new VideoSaver(_harness.NewService(), new SaveOptions { Destination = Destination, Overwrite = overwrite });
        return await _harness.Clock.RunAsync(saver.SaveAsync(new TaskReference { Task = task }, Token));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_image_that_is_no_file_is_one_error_and_nothing_is_bought(string kind)
    {
        string path = Put(kind, "fox.png");
        using var converter = new VideoConverter(_harness.NewService(), new ConversionOptions { Save = new SaveOptions { Destination = Destination } });

        Outcome<ConversionItem, SavedVideo> outcome = await _harness.Clock.RunAsync(
            converter.ConvertAsync(converter.Accept(Submissions.FromFile(path))!, Token));

        Assert.Equal(
            kind switch
            {
                "dangling link" => ErrorKind.PathNotFound,
                "pipe" or "socket" or "device" => ErrorKind.FileUnreadable,
                _ => ErrorKind.ImageUnsupported,
            },
            outcome.Error!.Kind);
        Assert.Contains(path, outcome.Error.Message, StringComparison.Ordinal);
        Assert.Equal((0, 0), (_harness.Uploads, _harness.Creates));
        AssertNothingOverwritten(kind);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_partial_file_that_somebody_has_planted_is_not_written_to(string kind)
    {
        string path = Put(kind, "videos", "fox.mp4.partial");

        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(overwrite: true);

        Assert.Equal(ErrorKind.DestinationUnusable, outcome.Error?.Kind);
        Assert.Contains(path, outcome.Error!.Message, StringComparison.Ordinal);
        AssertNothingOverwritten(kind);
        Assert.Equal([path], Directory.EnumerateFileSystemEntries(Destination));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_file_beside_a_partial_one_that_somebody_has_planted_is_not_written_to(string kind)
    {
        string path = Put(kind, "videos", "fox.mp4.partial.json");

        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(overwrite: true);

        Assert.Equal(ErrorKind.DestinationUnusable, outcome.Error?.Kind);
        Assert.Contains(path, outcome.Error!.Message, StringComparison.Ordinal);
        AssertNothingOverwritten(kind);
        Assert.Equal([path], Directory.EnumerateFileSystemEntries(Destination));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Files_of_another_program_that_are_called_like_a_partial_one_and_its_state_are_kept(bool hasPart)
    {
        const string Json = """{"url":"https://elsewhere.example/fox.mp4","segments":[1,2]}""";
        Directory.CreateDirectory(Destination);
        string part = Path.Combine(Destination, "fox.mp4.partial");
        await File.WriteAllTextAsync(part + ".json", Json, Token);
        if (hasPart)
        {
            await File.WriteAllTextAsync(part, "precious", Token);
        }

        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(overwrite: true);

        Assert.Equal(ErrorKind.DestinationUnusable, outcome.Error?.Kind);
        Assert.Contains($"'{part}.json' exists", outcome.Error!.Message, StringComparison.Ordinal);
        Assert.Equal(Json, await File.ReadAllTextAsync(part + ".json", Token));
        Assert.Equal(hasPart ? "precious" : string.Empty, hasPart ? await File.ReadAllTextAsync(part, Token) : string.Empty);
        Assert.Equal(hasPart ? 2 : 1, Directory.EnumerateFileSystemEntries(Destination).Count());
    }

    [Theory]
    [InlineData(".partial")]
    [InlineData(".partial.json")]
    public async Task A_file_of_the_user_s_that_is_called_like_a_partial_one_is_kept(string ending)
    {
        Directory.CreateDirectory(Destination);
        string path = Path.Combine(Destination, "fox.mp4" + ending);
        await File.WriteAllTextAsync(path, "precious", Token);

        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(overwrite: true);

        Assert.Equal(ErrorKind.DestinationUnusable, outcome.Error?.Kind);
        Assert.Contains($"'{path}' exists", outcome.Error!.Message, StringComparison.Ordinal);
        Assert.Equal("precious", await File.ReadAllTextAsync(path, Token));
        Assert.Equal([path], Directory.EnumerateFileSystemEntries(Destination));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_stands_in_the_place_of_a_video_is_never_written_to(string kind)
    {
        string path = Put(kind, "videos", "fox.mp4");

        Outcome<TaskReference, SavedVideo> refused = await SaveAsync();
        Assert.NotNull(refused.Error);
        Assert.Contains(path, refused.Error.Message, StringComparison.Ordinal);
        AssertNothingOverwritten(kind);

        Outcome<TaskReference, SavedVideo> forced = await SaveAsync(overwrite: true, taskId: "forced");
        AssertNothingOverwritten(kind);
        if (kind is "folder" or "pipe" or "socket")
        {
            Assert.Equal(ErrorKind.DestinationUnusable, forced.Error?.Kind);
        }
        else
        {
            // The name is given to the video; what it led to, or was another name of, stays.
            Assert.Null(forced.Error);
            Assert.Null(new FileInfo(path).LinkTarget);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_sidecar_that_somebody_has_planted_is_not_written_to(string kind)
    {
        SavedVideo video = (await SaveAsync()).Value!;
        string path = Put(kind, "videos", "fox.mp4.json");

        KlingException refusal = await FailsAsync(() => Sidecar.From(video, null).WriteAsync(video.Path, overwrite: false, Token));

        Assert.Equal(kind == "hard link" ? ErrorKind.FileExists : ErrorKind.DestinationUnusable, refusal.Kind);
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        AssertNothingOverwritten(kind);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_configuration_that_is_no_file_is_an_error_and_not_waited_for(string kind)
    {
        string path = Put(kind, "config.json");

        KlingException refusal = await FailsAsync(() => Task.FromResult(ConfigurationFile.Read(path)));

        // Links and second names are read; there is no JSON in it.
        Assert.Equal(kind is "link" or "hard link" ? ErrorKind.RequestInvalid : ErrorKind.FileUnreadable, refusal.Kind);
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Nothing_is_written_through_what_is_planted_beside_the_configuration(string kind)
    {
        string path = Path.Combine(_harness.Folder, "config.json");
        await File.WriteAllTextAsync(path, "{ }", Token);
        foreach (string suffix in (string[])[".new", ".lock"])
        {
            Put(kind, "config.json" + suffix);
            if (suffix == ".new")
            {
                // Earlier versions wrote to it.
                await ChangeAsync();
                Assert.Equal("mine", ConfigurationFile.Read(path).Vault);
                Directory.Move(path + suffix, path + suffix + "-moved");
                File.Delete(path + ".lock");
            }
            else
            {
                KlingException refusal = await FailsAsync(ChangeAsync);
                Assert.Equal(ErrorKind.FileUnreadable, refusal.Kind);
                Assert.Contains(path + suffix, refusal.Message, StringComparison.Ordinal);
                Assert.Equal("{ }", (await File.ReadAllTextAsync(path, Token))[..3]);
                Directory.Move(path + suffix, path + suffix + "-moved");
                File.Delete(path + ".lock");
            }

            AssertNothingOverwritten(kind);
            await File.WriteAllTextAsync(path, "{ }", Token);
        }

        Task ChangeAsync()
            => ConfigurationFile.ChangeAsync(path, new Dictionary<string, object?> { ["Vault"] = "mine" }, TimeProvider.System, Token);
    }

    [Theory]
    [MemberData(nameof(AllButLink))]
    public async Task A_ledger_that_is_no_file_of_its_own_is_refused_and_nothing_is_made_of_it(string kind)
    {
        string path = Put(kind, "ledger.db");

        await using var ledger = SqliteLedger.Create(path, TimeProvider.System);
        KlingException refusal = await FailsAsync(() => ledger.OpenAsync(Token));

        Assert.Equal(ErrorKind.LedgerUnusable, refusal.Kind);
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        AssertNothingOverwritten(kind);
    }

    [Fact]
    public async Task A_ledger_may_be_a_link_to_a_ledger()
    {
        string path = Path.Combine(_harness.Folder, "ledger.db");
        await using (var ledger = SqliteLedger.Create(path, TimeProvider.System))
        {
            await ledger.OpenAsync(Token);
        }

        await using var linked = SqliteLedger.Create(OddFiles.Link(Path.Combine(_harness.Folder, "link.db"), path), TimeProvider.System);
        await linked.OpenAsync(Token);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Nothing_is_written_through_what_is_planted_beside_the_ledger(string kind)
    {
        string path = Path.Combine(_harness.Folder, "ledger.db");
        await using (var ledger = SqliteLedger.Create(path, TimeProvider.System))
        {
            await ledger.OpenAsync(Token);
        }

        foreach (string suffix in (string[])["-wal", "-shm", "-journal"])
        {
            File.Delete(path + suffix);
            Put(kind, "ledger.db" + suffix);

            await using var ledger = SqliteLedger.Create(path, TimeProvider.System);
            KlingException refusal = await FailsAsync(() => ledger.OpenAsync(Token));

            Assert.Equal(ErrorKind.LedgerUnusable, refusal.Kind);
            Assert.Contains(path + suffix, refusal.Message, StringComparison.Ordinal);
            AssertNothingOverwritten(kind);
            Directory.Move(path + suffix, path + suffix + "-moved");
        }
    }

    [Fact]
    public async Task Only_their_owner_reads_settings_sidecars_and_what_is_known_of_a_partial_file()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("On Windows, a file has the permissions of its folder.");
            return;
        }

        string configuration = Path.Combine(_harness.Folder, "new", "config.json");
        await ConfigurationFile.ChangeAsync(configuration, new Dictionary<string, object?> { ["Vault"] = "mine" }, TimeProvider.System, Token);
        SavedVideo video = (await SaveAsync()).Value!;
        await Sidecar.From(video, null).WriteAsync(video.Path, overwrite: false, Token);
        string state = Path.Combine(_harness.Folder, "state");
        new PartialState("video", "\"tag\"", null, 1).Write(state);

        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(configuration));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(configuration + ".lock"));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(configuration)!));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(video.Path + ".json"));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(state));
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(video.Path) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
    }

    [Fact]
    public async Task A_configuration_that_others_could_write_to_is_theirs_no_longer_once_it_is_changed()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("On Windows, a file has the permissions of its folder.");
            return;
        }

        string path = Path.Combine(_harness.Folder, "config.json");
        await File.WriteAllTextAsync(path, "{ }", Token);
        File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);

        await ConfigurationFile.ChangeAsync(path, new Dictionary<string, object?> { ["Vault"] = "mine" }, TimeProvider.System, Token);

        Assert.Equal((UnixFileMode)0b110_100_100, File.GetUnixFileMode(path));
    }
}
