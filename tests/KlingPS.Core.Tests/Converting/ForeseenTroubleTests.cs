using KlingPS.Core.Converting;
using KlingPS.Core.Files;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Converting;

/// <summary>What would keep a video from being saved and can be known before is found out before it is paid for.</summary>
public sealed class ForeseenTroubleTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public ForeseenTroubleTests()
    {
        _harness.Makes = PipelineHarness.Succeeded;
        Directory.CreateDirectory(Destination);
    }

    public static TheoryData<string> Kinds { get; } = [.. OddFiles.Kinds];

    /// <summary>What is neither a file nor a link, which may be replaced.</summary>
    public static TheoryData<string> Obstacles { get; } = [.. OddFiles.Kinds.Except(["link", "dangling link", "hard link", "device"])];

    private string Destination => Path.Combine(_harness.Folder, "videos");

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private void Put(string kind, string name) => OddFiles.Put(kind, Path.Combine(Destination, name), Path.Combine(_harness.Folder, "theirs"));

    private string[] Entries() => [.. Directory
        .EnumerateFileSystemEntries(_harness.Folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None })
        .Order()];

    private async Task<Outcome<ConversionItem, SavedVideo>> ConvertAsync(
        Submission submission,
        string template = NameTemplate.DefaultText,
        bool overwrite = false,
        bool writesSidecar = false,
        string? destination = null)
    {
        var save = new SaveOptions { Destination = destination ?? Destination, Template = NameTemplate.Parse(template), Overwrite = overwrite };
        using var converter = new VideoConverter(_harness.NewService(), new ConversionOptions { Save = save, WritesSidecar = writesSidecar });
        return await _harness.Clock.RunAsync(converter.ConvertAsync(converter.Accept(submission)!, TestContext.Current.CancellationToken));
    }

    private async Task<KlingException> NothingBoughtAsync(
        string template = NameTemplate.DefaultText,
        bool overwrite = false,
        bool writesSidecar = false,
        string? destination = null)
    {
        Submission submission = _harness.Submission("fox.png");
        string[] before = Entries();

        Outcome<ConversionItem, SavedVideo> outcome = await ConvertAsync(submission, template, overwrite, writesSidecar, destination);

        Assert.Equal((0, 0), (_harness.Uploads, _harness.Creates));
        Assert.Null(outcome.Value);
        Assert.StartsWith($"Nothing was bought for '{submission.Subject}'. ", outcome.Error!.Message, StringComparison.Ordinal);
        Assert.False(outcome.Error.IsFatal);
        Assert.Equal(before, Entries());
        return outcome.Error;
    }

    [Theory]
    [MemberData(nameof(Obstacles))]
    public async Task A_folder_or_the_like_in_the_place_of_the_video_is_found_before_it_is_bought(string kind)
    {
        Put(kind, "fox.mp4");

        foreach (bool overwrite in (bool[])[false, true])
        {
            KlingException error = await NothingBoughtAsync(overwrite: overwrite);
            Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
            string path = Path.Combine(Destination, "fox.mp4");
            Assert.Contains($"'{path}': {FileFacts.OfName(path)!.Description} has this name.", error.Message, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Theory]
    [InlineData("link")]
    [InlineData("dangling link")]
    [InlineData("hard link")]
    public async Task A_link_in_the_place_of_the_video_is_found_before_it_is_bought(string kind)
    {
        Put(kind, "fox.mp4");

        Assert.Equal(ErrorKind.FileExists, (await NothingBoughtAsync()).Kind);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_is_planted_in_the_place_of_the_partial_file_is_found_before_the_video_is_bought(string kind)
    {
        Put(kind, "fox.mp4.partial");
        Assert.Equal(ErrorKind.DestinationUnusable, (await NothingBoughtAsync(overwrite: true)).Kind);

        Directory.Move(Path.Combine(Destination, "fox.mp4.partial"), Path.Combine(Destination, "fox.mp4.partial.json"));
        Assert.Equal(ErrorKind.DestinationUnusable, (await NothingBoughtAsync(overwrite: true)).Kind);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_sidecar_that_could_not_be_written_is_found_before_the_video_is_bought(string kind)
    {
        Put(kind, "fox.mp4.json");

        KlingException error = await NothingBoughtAsync(writesSidecar: true);

        Assert.Equal(kind == "hard link" ? ErrorKind.FileExists : ErrorKind.DestinationUnusable, error.Kind);
        Assert.Contains(Path.Combine(Destination, "fox.mp4.json"), error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("taken/{BaseName}")]
    [InlineData("taken/deeper/{BaseName}")]
    [InlineData("taken/{TaskId}")]
    [InlineData("taken/{Date}/{Id}")]
    public async Task A_file_where_the_template_needs_a_folder_is_found_before_the_video_is_bought(string template)
    {
        await File.WriteAllTextAsync(Path.Combine(Destination, "taken"), "a file", TestContext.Current.CancellationToken);

        KlingException error = await NothingBoughtAsync(template, overwrite: true);

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        Assert.Contains(Path.Combine(Destination, "taken"), error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("out/{BaseName}")]
    [InlineData("out/deeper/{BaseName}")]
    [InlineData("out/{TaskId}")]
    [InlineData("in/up/{BaseName}")]
    public async Task A_link_that_leads_out_of_the_destination_is_not_followed(string template)
    {
        string elsewhere = Directory.CreateDirectory(Path.Combine(_harness.Folder, "elsewhere")).FullName;
        OddFiles.FolderLink(Path.Combine(Destination, "out"), elsewhere);
        Directory.CreateDirectory(Path.Combine(Destination, "in"));
        OddFiles.FolderLink(Path.Combine(Destination, "in", "up"), Path.Combine("..", "..", "elsewhere"));

        KlingException error = await NothingBoughtAsync(template, overwrite: true);

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        Assert.Contains($"leads out of the destination '{Destination}', to '{Place.Of(elsewhere).Path}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_video_that_is_bought_already_is_not_saved_through_a_link_that_leads_out_of_the_destination_either()
    {
        Submission submission = _harness.Submission("fox.png");
        Assert.NotNull((await ConvertAsync(submission)).Value);
        string elsewhere = Directory.CreateDirectory(Path.Combine(_harness.Folder, "elsewhere")).FullName;
        OddFiles.FolderLink(Path.Combine(Destination, "out"), elsewhere);

        KlingException error = (await ConvertAsync(submission, "out/{BaseName}")).Error!;

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere));
    }

    [Fact]
    public async Task A_link_that_the_user_names_as_the_destination_is_followed_and_so_is_one_that_stays_below_it()
    {
        string link = OddFiles.FolderLink(Path.Combine(_harness.Folder, "link"), Destination);
        Directory.CreateDirectory(Path.Combine(Destination, "real"));
        OddFiles.FolderLink(Path.Combine(Destination, "inside"), "real");

        Outcome<ConversionItem, SavedVideo> outcome = await ConvertAsync(_harness.Submission("fox.png"), "inside/{BaseName}", destination: link);

        Assert.Equal(Path.Combine(link, "inside", "fox.mp4"), outcome.Value?.Path);
        Assert.True(File.Exists(Path.Combine(Destination, "real", "fox.mp4")));
    }

    [Fact]
    public async Task A_path_that_is_too_long_is_found_before_the_video_is_bought()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "On Windows, no path that a test could make is too long.");
        string destination = Destination;
        string long_ = new('x', 200);
        while (IsPossible(Path.Combine(destination, long_, long_)))
        {
            destination = Path.Combine(destination, long_);
        }

        while (IsPossible(Path.Combine(destination, "x", long_)))
        {
            destination = Path.Combine(destination, "x");
        }

        Directory.CreateDirectory(destination);

        KlingException error = await NothingBoughtAsync($"{long_}-{{BaseName}}", destination: destination);

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        Assert.Contains("too long for this file system", error.Message, StringComparison.Ordinal);

        static bool IsPossible(string path)
        {
            try
            {
                return FileFacts.Of(path) is null;
            }
            catch (PathTooLongException)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task A_folder_that_takes_no_files_is_found_before_a_video_for_it_is_bought()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self"), "Only Linux has a folder that takes no files even of its administrator.");

        KlingException error = await NothingBoughtAsync(destination: "/proc/self");

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
    }

    [Fact]
    public async Task A_video_that_is_bought_already_is_told_of_what_is_in_its_way_without_a_word_about_buying()
    {
        Submission submission = _harness.Submission("fox.png");
        Assert.NotNull((await ConvertAsync(submission)).Value);
        File.Delete(Path.Combine(Destination, "fox.mp4"));
        Put("folder", "fox.mp4");

        KlingException error = (await ConvertAsync(submission)).Error!;

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        Assert.DoesNotContain("bought", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Creates);
    }
}
