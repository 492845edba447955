using System.Security.Cryptography;
using CsCheck;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Saving;

public sealed class OutputPathResolverTests : IAsyncDisposable
{
    private static readonly string[] s_names = ["fox", "owl", "fox-2"];

    private readonly PipelineHarness _harness = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Destination => Path.Combine(_harness.Folder, "videos");

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private OutputPathResolver Resolver(bool overwrite = false, string template = NameTemplate.DefaultText)
        => new(_harness.NewService(), new SaveOptions { Destination = Destination, Template = NameTemplate.Parse(template), Overwrite = overwrite });

    private static VideoName NameOf(OutputPathResolver resolver, string source) => resolver.ClaimName(ValuesOf(source));

    private static NameTemplateValues ValuesOf(string source) => new() { Source = source, Index = 1, TaskId = string.Empty, Id = 0, CreatedAt = default, Duration = 5 };

    private static async Task<string> HashAsync(string path) => Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(path, Token)));

    /// <summary>Puts the sidecar beside a video that a ledger elsewhere would.</summary>
    private static async Task DescribeAsync(string path, KlingVideoTask task, string identity)
    {
        var video = new SavedVideo(path, task with { SavedHash = await HashAsync(path) });
        await (Sidecar.From(video, null) with { Identity = identity, Service = "https://service.example" }).WriteAsync(path, overwrite: false, Token);
    }

    private string PathOf(string name) => Path.Combine(Destination, name);

    private string Write(string name, string content)
    {
        Directory.CreateDirectory(Destination);
        File.WriteAllText(PathOf(name), content);
        return PathOf(name);
    }

    /// <summary>A finished task whose video lies at a name.</summary>
    private async Task<KlingVideoTask> SavedAsync(string taskId, string name)
    {
        KlingVideoTask task = await _harness.FinishedAsync(taskId);
        string hash = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Write(name, taskId), Token)));
        return await _harness.Ledger.Tasks.RecordSavedAsync(task, PathOf(name), hash);
    }

    private async Task<(string Name, bool HasVideo)> FindAsync(OutputPathResolver resolver, string source, KlingVideoTask? task = null)
    {
        OutputPath place = await resolver.ResolveAsync(NameOf(resolver, source), VideoKey.FromIdentity(source), task, Token);
        return (Path.GetRelativePath(Destination, place.Path), place.HasVideo);
    }

    [Theory]
    [InlineData("{BaseName}-{Index:000}-{Take}", true)]
    [InlineData("{Directory}/{Duration}", true)]
    [InlineData("{TaskId}", false)]
    [InlineData("{BaseName}-{Id}", false)]
    [InlineData("{Date:yyyy}", false)]
    public void A_video_is_named_before_it_is_bought_unless_its_name_hangs_on_that(string template, bool before)
        => Assert.Equal(before, Resolver(template: template).NamesBeforePurchase);

    [Fact]
    public async Task A_video_goes_where_nothing_is()
        => Assert.Equal(("fox.mp4", false), await FindAsync(Resolver(), "/one/fox.png"));

    [Fact]
    public async Task A_foreign_file_is_never_overwritten_unless_that_is_wanted()
    {
        Write("fox.mp4", "My holiday.");

        var error = await Assert.ThrowsAsync<KlingException>(() => FindAsync(Resolver(), "/one/fox.png"));
        Assert.Equal(ErrorKind.FileExists, error.Kind);
        Assert.Contains("exists already", error.Message, StringComparison.Ordinal);
        Assert.Equal(("fox.mp4", false), await FindAsync(Resolver(overwrite: true), "/one/fox.png"));
    }

    [Fact]
    public async Task A_video_that_an_earlier_run_has_saved_for_another_task_keeps_its_name()
    {
        await SavedAsync("a", "fox.mp4");
        await SavedAsync("b", "fox-2.mp4");

        Assert.Equal(("fox-3.mp4", false), await FindAsync(Resolver(), "/one/fox.png"));
    }

    [Fact]
    public async Task A_video_is_found_under_the_number_it_got_among_others()
    {
        KlingVideoTask task = await SavedAsync("b", "fox-2.mp4");
        OutputPathResolver resolver = Resolver();

        Assert.Equal(("fox-2.mp4", true), await FindAsync(resolver, "/two/fox.png", task));

        // And no other of the run gets it.
        Assert.Equal(("fox-3.mp4", false), await FindAsync(resolver, "/one/fox.png"));
    }

    [Fact]
    public async Task A_video_with_a_name_that_was_shortened_for_its_number_is_found_where_it_is()
    {
        string stem = new('f', SafeName.MaximumFileBytes - ".mp4".Length);
        string name = stem[..^2] + "-2.mp4";
        KlingVideoTask task = await SavedAsync("b", name);

        Assert.Equal((name, true), await FindAsync(Resolver(), $"/two/{stem}.png", task));
    }

    [Theory]
    [InlineData("fox-2x.mp4")]
    [InlineData("foxes.mp4")]
    [InlineData("sub/fox.mp4")]
    [InlineData("fox-2.mov")]
    public async Task A_video_saved_under_a_name_that_is_no_numbered_one_is_not_in_its_place(string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(name))!);
        KlingVideoTask task = await SavedAsync("a", name);

        Assert.Equal(("fox.mp4", false), await FindAsync(Resolver(), "/one/fox.png", task));
    }

    [Theory]
    [InlineData("boat.take1", "{BaseName}.take1", "/one/boat.png")]
    [InlineData("boat.mov", "{BaseName}.mov", "/one/boat.png")]
    [InlineData("-boat.mp4", "{BaseName}.mp4", "/one/-boat.png")]
    [InlineData("bo\u202Eat-2.mp4", "{BaseName}.mp4", "/one/bo\u202Eat.png")]
    [InlineData("-one/boat.take1", "{Directory}/{BaseName}.take1", "/-one/boat.png")]
    public async Task A_video_that_an_earlier_version_called_by_other_rules_is_there_and_keeps_its_name(string saved, string template, string source)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(saved))!);
        KlingVideoTask task = await SavedAsync("a", saved);

        Assert.Equal((saved, true), await FindAsync(Resolver(template: template), source, task));
    }

    [Fact]
    public async Task A_video_that_got_its_name_but_no_record_is_there_whatever_name_another_download_of_it_was_about_to_get()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        string hash = await HashAsync(Write("fox.mp4", "a"));
        await _harness.Ledger.Tasks.RecordSavingAsync(task, PathOf("owl.mp4"), hash);
        OutputPathResolver resolver = Resolver();

        OutputPath output = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromTask(task), task, Token);

        Assert.Equal((PathOf("fox.mp4"), true, hash), (output.Path, output.HasVideo, output.UnrecordedHash));
    }

    [Fact]
    public async Task A_video_that_got_its_name_but_no_record_is_there_even_if_another_task_s_video_is_the_same()
    {
        await SavedAsync("a", "owl.mp4");
        KlingVideoTask task = await _harness.FinishedAsync("b");
        await _harness.Ledger.Tasks.RecordSavingAsync(task, PathOf("fox.mp4"), await HashAsync(Write("fox.mp4", "a")));

        Assert.Equal(("fox.mp4", true), await FindAsync(Resolver(), "/one/fox.png", task));
    }

    [Fact]
    public async Task A_video_with_the_content_of_one_that_got_no_record_stays_another_task_s()
    {
        await SavedAsync("a", "fox.mp4");
        KlingVideoTask task = await _harness.FinishedAsync("b");
        await _harness.Ledger.Tasks.RecordSavingAsync(task, PathOf("owl.mp4"), await HashAsync(PathOf("fox.mp4")));

        Assert.Equal(("fox-2.mp4", false), await FindAsync(Resolver(), "/one/fox.png", task));
    }

    [Fact]
    public async Task A_video_that_another_command_has_saved_since_its_task_was_read_is_there_and_not_said_to_have_changed()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        await _harness.Ledger.Tasks.RecordSavedAsync(task, PathOf("fox.mp4"), await HashAsync(Write("fox.mp4", "a")));

        Assert.Equal(("fox.mp4", true), await FindAsync(Resolver(), "/one/fox.png", task));
    }

    [Fact]
    public async Task A_video_that_got_its_name_but_no_record_is_there_once_another_download_of_it_has_been_recorded()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        string hash = await HashAsync(Write("fox.mp4", "a"));
        await _harness.Ledger.Tasks.RecordSavedAsync(task, Write("owl.mp4", "a"), hash);
        OutputPathResolver resolver = Resolver();

        OutputPath output = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromTask(task), task, Token);

        // Its record stays where it is, and comes with the path.
        Assert.Equal((PathOf("fox.mp4"), true, null), (output.Path, output.HasVideo, output.UnrecordedHash));
        Assert.Equal((PathOf("owl.mp4"), hash), (output.Task!.SavedPath, output.Task.SavedHash));
    }

    [Fact]
    public async Task A_video_that_another_command_has_saved_under_a_number_since_its_task_was_read_is_found_there_although_its_own_name_is_free()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        KlingVideoTask saved = await _harness.Ledger.Tasks.RecordSavedAsync(task, PathOf("fox-2.mp4"), await HashAsync(Write("fox-2.mp4", "a")));
        OutputPathResolver resolver = Resolver();

        OutputPath output = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromTask(task), task, Token);

        Assert.Equal((PathOf("fox-2.mp4"), true, null), (output.Path, output.HasVideo, output.UnrecordedHash));
        Assert.Equal(saved, output.Task);
    }

    [Theory]
    [InlineData("fox.mp4", "fox.mp4")]
    [InlineData("fox-2.mp4", "fox-2.mp4")]
    [InlineData("elsewhere/owl.mp4", "fox.mp4")]
    public async Task A_video_that_is_recorded_and_there_is_found_without_asking_for_its_task_again(string recorded, string there)
    {
        Directory.CreateDirectory(PathOf("elsewhere"));
        KlingVideoTask task = await SavedAsync("mine", recorded);
        Write(there, "mine");
        var calls = new List<string>();
        _harness.Ledger.BeforeCall = calls.Add;

        Assert.Equal((there, true), await FindAsync(Resolver(), "/one/fox.png", task));

        Assert.Empty(calls);
    }

    [Fact]
    public async Task A_video_that_was_taken_elsewhere_is_not_asked_for_where_nothing_is()
    {
        KlingVideoTask task = await SavedAsync("mine", "fox.mp4");
        task = await _harness.Ledger.Tasks.RecordTakenAsync(task, isTaken: true);
        File.Delete(PathOf("fox.mp4"));
        var calls = new List<string>();
        _harness.Ledger.BeforeCall = calls.Add;

        Assert.Equal(("fox.mp4", false), await FindAsync(Resolver(), "/one/fox.png", task));

        Assert.Empty(calls);
    }

    [Fact]
    public async Task A_video_whose_path_could_not_be_chosen_gets_it_once_nothing_is_in_the_way()
    {
        string path = Write("fox.mp4", "My holiday.");
        OutputPathResolver resolver = Resolver();
        for (int image = 1; image <= 2; image++)
        {
            var error = await Assert.ThrowsAsync<KlingException>(() => ResolveAsync(image));
            Assert.Contains($"'{path}' exists already", error.Message, StringComparison.Ordinal);
        }

        File.Delete(path);

        Assert.Equal((path, false), await ResolveAsync(3));

        async Task<(string Path, bool HasVideo)> ResolveAsync(int image)
        {
            OutputPath output = await resolver.ResolveAsync(NameOf(resolver, $"/{image}/fox.png"), VideoKey.FromIdentity("fox"), null, Token);
            return (output.Path, output.HasVideo);
        }
    }

    [Fact]
    public async Task A_video_whose_path_could_not_be_chosen_does_not_get_another_one_in_the_next_try()
    {
        await SavedAsync("theirs", "fox.mp4");
        string path = Write("fox-2.mp4", "My holiday.");
        OutputPathResolver resolver = Resolver();
        for (int image = 1; image <= 2; image++)
        {
            var error = await Assert.ThrowsAsync<KlingException>(
                () => resolver.ResolveAsync(NameOf(resolver, $"/{image}/fox.png"), VideoKey.FromIdentity("fox"), null, Token));
            Assert.Contains($"'{path}' exists already", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_image_that_is_stopped_while_its_path_is_chosen_does_not_stop_another_that_waits_for_the_same_path()
    {
        Write("fox.mp4", "My holiday.");
        using var stop = new CancellationTokenSource();
        using var isStopped = new ManualResetEventSlim();
        _harness.Ledger.BeforeCall = _ =>
        {
            Assert.True(isStopped.Wait(Eventually.Patience, Token));
            stop.Token.ThrowIfCancellationRequested();
        };
        OutputPathResolver resolver = Resolver(overwrite: true);
        Task<OutputPath> first = resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromIdentity("fox"), null, stop.Token);
        Task<OutputPath> second = resolver.ResolveAsync(NameOf(resolver, "/two/fox.png"), VideoKey.FromIdentity("fox"), null, Token);

        await stop.CancelAsync();
        _harness.Ledger.BeforeCall = null;
        isStopped.Set();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.Equal(PathOf("fox.mp4"), (await second).Path);
    }

    [Fact]
    public async Task A_video_that_another_command_has_saved_here_too_since_its_task_was_read_is_found_under_its_own_name()
    {
        KlingVideoTask task = await SavedAsync("a", "elsewhere.mp4");
        await _harness.Ledger.Tasks.RecordSavedAsync(task, Write("fox-2.mp4", "a"), task.SavedHash!);
        Write("fox.mp4", "My holiday.");

        Assert.Equal(("fox-2.mp4", true), await FindAsync(Resolver(), "/one/fox.png", task));
    }

    [Fact]
    public async Task A_video_that_another_command_has_saved_since_its_task_was_read_is_found_under_its_own_name_even_if_another_task_s_video_is_the_same()
    {
        await SavedAsync("a", "fox.mp4");
        KlingVideoTask task = await _harness.FinishedAsync("b");
        string hash = await HashAsync(Write("fox-2.mp4", "a"));
        await _harness.Ledger.Tasks.RecordSavedAsync(task, PathOf("fox-2.mp4"), hash);

        Assert.Equal(("fox-2.mp4", true), await FindAsync(Resolver(), "/one/fox.png", task));
    }

    [Fact]
    public async Task A_file_that_came_to_where_a_video_was_to_be_saved_is_not_said_to_have_changed()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        await _harness.Ledger.Tasks.RecordSavingAsync(task, PathOf("fox.mp4"), await HashAsync(Write("a.mp4", "a")));
        Write("fox.mp4", "My holiday.");

        var error = await Assert.ThrowsAsync<KlingException>(() => FindAsync(Resolver(), "/one/fox.png", task));
        Assert.Contains("exists already", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_video_that_was_edited_stands_in_its_own_way()
    {
        KlingVideoTask task = await SavedAsync("a", "fox.mp4");
        Write("fox.mp4", "edited");

        var error = await Assert.ThrowsAsync<KlingException>(() => FindAsync(Resolver(), "/one/fox.png", task));
        Assert.Equal(ErrorKind.FileExists, error.Kind);
        Assert.Contains($"The video of task {task.Id} was saved to", error.Message, StringComparison.Ordinal);
        Assert.Equal(("fox.mp4", false), await FindAsync(Resolver(overwrite: true), "/one/fox.png", task));
    }

    [Fact]
    public async Task Force_repairs_a_damaged_video_where_another_task_s_had_been_before()
    {
        KlingVideoTask earlier = await SavedAsync("a", "fox.mp4");
        KlingVideoTask task = await SavedAsync("b", "fox.mp4");
        Write("fox.mp4", "damaged");

        Assert.Equal(("fox.mp4", false), await FindAsync(Resolver(overwrite: true), "/one/fox.png", task));
        Assert.Equal(ErrorKind.FileExists, (await Assert.ThrowsAsync<KlingException>(() => FindAsync(Resolver(), "/one/fox.png", task))).Kind);

        // The other's video has come back.
        Write("fox.mp4", "a");
        Assert.Equal(("fox-2.mp4", false), await FindAsync(Resolver(overwrite: true), "/one/fox.png", task));
        Assert.Equal(("fox.mp4", true), await FindAsync(Resolver(overwrite: true), "/one/fox.png", earlier));
    }

    [Fact]
    public async Task Force_does_not_replace_another_task_s_video_that_was_edited()
    {
        await SavedAsync("a", "fox.mp4");
        Write("fox.mp4", "edited");

        Assert.Equal(("fox-2.mp4", false), await FindAsync(Resolver(overwrite: true), "/one/fox.png", await _harness.FinishedAsync("b")));
    }

    /// <summary>Ways to name the folder in which another task's video lies, or to have that video under another name.</summary>
    public static TheoryData<string> OtherNames { get; } =
    [
        "a link to the folder",
        "a link to a link",
        "a folder above that is a link",
        "the folder under a new name",
        "a link to the video",
        "a second name of the video",
        "a second name of an edited video",
        "a copy of the video",
        "a separator at the end",
        "a way round",
    ];

    [Theory]
    [MemberData(nameof(OtherNames))]
    public async Task Force_replaces_no_video_of_another_task_through_whatever_name_the_folder_is_given(string how)
    {
        await SavedAsync("a", "fox.mp4");
        string video = PathOf("fox.mp4");
        string other = Path.Combine(_harness.Folder, "other");
        switch (how)
        {
            case "a link to the folder":
                OddFiles.FolderLink(other, Destination);
                break;
            case "a link to a link":
                OddFiles.FolderLink(Path.Combine(_harness.Folder, "link"), Destination);
                OddFiles.FolderLink(other, "link");
                break;
            case "a folder above that is a link":
                OddFiles.FolderLink(Path.Combine(_harness.Folder, "above"), _harness.Folder);
                other = Path.Combine(_harness.Folder, "above", "videos");
                break;
            case "the folder under a new name":
                Directory.Move(Destination, other);
                break;
            case "a separator at the end":
                other = Destination + Path.DirectorySeparatorChar;
                break;
            case "a way round":
                other = Path.Combine(Destination, "..", "videos");
                break;
            default:
                Directory.CreateDirectory(other);
                string name = Path.Combine(other, "fox.mp4");
                if (how == "a link to the video")
                {
                    OddFiles.Link(name, video);
                }
                else if (how == "a copy of the video")
                {
                    File.Copy(video, name);
                }
                else
                {
                    OddFiles.HardLink(name, video);
                    await File.AppendAllTextAsync(video, how.Contains("edited", StringComparison.Ordinal) ? " and edited" : string.Empty, Token);
                }

                break;
        }

        foreach (bool overwrite in (bool[])[true, false])
        {
            var resolver = new OutputPathResolver(_harness.NewService(), new SaveOptions { Destination = other, Overwrite = overwrite });
            OutputPath output = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromIdentity("another"), null, Token);
            Assert.Equal((Path.Combine(Path.GetFullPath(other), "fox-2.mp4"), false), (output.Path, output.HasVideo));
        }
    }

    [Fact]
    public async Task A_video_is_found_under_its_number_through_a_link_to_its_folder()
    {
        KlingVideoTask task = await SavedAsync("b", "fox-2.mp4");
        string link = OddFiles.FolderLink(Path.Combine(_harness.Folder, "link"), Destination);
        var resolver = new OutputPathResolver(_harness.NewService(), new SaveOptions { Destination = link });

        OutputPath output = await resolver.ResolveAsync(NameOf(resolver, "/two/fox.png"), VideoKey.FromIdentity("b"), task, Token);

        Assert.Equal((Path.Combine(link, "fox-2.mp4"), true), (output.Path, output.HasVideo));
    }

    [Fact]
    public async Task Two_folders_of_a_run_that_are_one_give_no_name_twice()
    {
        Directory.CreateDirectory(PathOf("one"));
        OddFiles.FolderLink(PathOf("two"), "one");
        OutputPathResolver resolver = Resolver(template: "{Directory}/{BaseName}");

        Assert.Equal((Path.Combine("one", "fox.mp4"), false), await FindAsync(resolver, "/one/fox.png"));
        Assert.Equal((Path.Combine("two", "fox-2.mp4"), false), await FindAsync(resolver, "/two/fox.png"));
    }

    [Fact]
    public async Task A_file_is_recorded_only_where_the_ledger_has_saved_a_video()
    {
        await SavedAsync("a", "fox.mp4");
        Write("owl.mp4", "My holiday.");
        OutputPathResolver resolver = Resolver();

        Assert.Equal([PathOf("owl.mp4")], await resolver.ListUnrecordedAsync([PathOf("fox.mp4"), PathOf("owl.mp4")], Token));
        Assert.Empty(await resolver.ListUnrecordedAsync([PathOf("fox.mp4")], Token));
    }

    [Fact]
    public async Task A_video_that_is_kept_where_it_is_has_its_path_for_itself()
    {
        OutputPathResolver resolver = Resolver();
        VideoName name = NameOf(resolver, "/one/fox.png");

        OutputPath kept = resolver.Keep(PathOf("fox.mp4"), name, VideoKey.FromIdentity("fox"));

        Assert.Equal((PathOf("fox.mp4"), true, name), (kept.Path, kept.HasVideo, kept.Name));
        Assert.Equal(PathOf("fox-2.mp4"), (await resolver.ResolveAsync(name, VideoKey.FromIdentity("owl"), null, Token)).Path);
    }

    [Fact]
    public async Task A_video_whose_path_another_process_has_taken_goes_elsewhere_and_for_all_images_that_share_it_to_the_same_place()
    {
        KlingVideoTask task = await _harness.FinishedAsync("mine");
        OutputPathResolver resolver = Resolver();
        VideoName name = NameOf(resolver, "/one/fox.png");
        OutputPath first = await resolver.ResolveAsync(name, VideoKey.FromIdentity("fox"), task, Token);

        await SavedAsync("theirs", "fox.mp4");

        OutputPath second = await resolver.ResolveAnotherAsync(first, task, Token);
        OutputPath third = await resolver.ResolveAnotherAsync(first, task, Token);

        Assert.Equal((PathOf("fox.mp4"), PathOf("fox-2.mp4"), PathOf("fox-2.mp4")), (first.Path, second.Path, third.Path));
    }

    [Theory]
    [InlineData("b")]
    [InlineData("a")]
    public async Task Videos_that_another_command_has_given_each_other_s_names_are_found_there(string second)
    {
        KlingVideoTask[] tasks = [await _harness.FinishedAsync("a"), await _harness.FinishedAsync("b")];
        OutputPathResolver resolver = Resolver();
        OutputPath[] meant =
        [
            await resolver.ResolveAsync(NameOf(resolver, "/two/fox.jpg"), VideoKey.FromTask(tasks[1]), tasks[1], Token),
            await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromTask(tasks[0]), tasks[0], Token),
        ];
        await _harness.Ledger.Tasks.RecordSavedAsync(tasks[0], PathOf("fox.mp4"), await HashAsync(Write("fox.mp4", "a")));
        await _harness.Ledger.Tasks.RecordSavedAsync(tasks[1], PathOf("fox-2.mp4"), await HashAsync(Write("fox-2.mp4", second)));

        PathFindings first = await resolver.LookAsync(meant[1], tasks[0], Token);
        PathFindings other = await resolver.LookAsync(meant[0], tasks[1], Token);

        Assert.Equal((PathOf("fox.mp4"), PathOf("fox-2.mp4")), (meant[0].Path, meant[1].Path));
        Assert.Equal((PathOf("fox.mp4"), PathOf("fox-2.mp4")), (first.Video?.Path, other.Video?.Path));
    }

    [Fact]
    public async Task A_video_that_is_about_to_get_its_name_keeps_it_from_an_equal_one_that_was_recorded_there_before()
    {
        KlingVideoTask old = await SavedAsync("a", "fox.mp4");
        File.Delete(PathOf("fox.mp4"));
        KlingVideoTask task = await _harness.FinishedAsync("b");
        OutputPathResolver resolver = Resolver();
        OutputPath output = await resolver.ResolveAsync(NameOf(resolver, "/two/fox.jpg"), VideoKey.FromTask(task), task, Token);

        Assert.True(resolver.Confirm(output));
        Write("fox.mp4", "a");
        OutputPath other = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromTask(old), old, Token);

        Assert.Equal((PathOf("fox.mp4"), PathOf("fox-2.mp4"), false), (output.Path, other.Path, other.HasVideo));
    }

    [Fact]
    public async Task A_video_that_another_machine_has_saved_is_recorded_here_once_it_is_found_here()
    {
        string hash = await HashAsync(Write("fox.mp4", "mine"));
        KlingVideoTask task = await _harness.FinishedAsync("mine");
        await _harness.Ledger.OfMachine("east").Tasks.RecordSavedAsync(task, "/east/fox.mp4", hash);
        KlingVideoTask elsewhere = (await _harness.Ledger.Tasks.FindAsync(task.Id, Token))!;
        OutputPathResolver resolver = Resolver();

        OutputPath found = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromIdentity("fox"), elsewhere, Token);
        Assert.Equal((null, hash), (elsewhere.SavedPath, elsewhere.SavedHash));
        Assert.Equal((PathOf("fox.mp4"), true, hash), (found.Path, found.HasVideo, found.UnrecordedHash));

        KlingVideoTask here = await SavedAsync("other", "owl.mp4");
        OutputPath known = await resolver.ResolveAsync(NameOf(resolver, "/one/owl.png"), VideoKey.FromIdentity("owl"), here, Token);
        Assert.Equal((PathOf("owl.mp4"), true, null), (known.Path, known.HasVideo, known.UnrecordedHash));
    }

    [Fact]
    public async Task A_video_that_another_image_of_the_run_has_saved_meanwhile_is_there()
    {
        KlingVideoTask task = await _harness.FinishedAsync("mine");
        OutputPathResolver resolver = Resolver();
        VideoName name = NameOf(resolver, "/one/fox.png");
        OutputPath before = await resolver.ResolveAsync(name, VideoKey.FromIdentity("fox"), task, Token);
        KlingVideoTask saved = await _harness.Ledger.Tasks.RecordSavedAsync(task, Write("fox.mp4", "mine"), await HashAsync(PathOf("fox.mp4")));

        OutputPath after = await resolver.ResolveAsync(name, VideoKey.FromIdentity("fox"), saved, Token);

        Assert.Equal((PathOf("fox.mp4"), false, true), (before.Path, before.HasVideo, after.HasVideo));
        Assert.Equal(before.Path, after.Path);
    }

    [Fact]
    public async Task A_copy_of_a_video_that_is_recorded_elsewhere_is_found_and_not_recorded_once_more()
    {
        Directory.CreateDirectory(PathOf("elsewhere"));
        KlingVideoTask task = await SavedAsync("mine", "elsewhere/owl.mp4");
        string copy = Write("fox.mp4", "mine");
        OutputPathResolver resolver = Resolver();

        OutputPath found = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromIdentity("fox"), task, Token);

        Assert.Equal((copy, true, null), (found.Path, found.HasVideo, found.UnrecordedHash));
    }

    [Fact]
    public async Task A_file_where_another_task_s_video_was_only_about_to_be_saved_is_foreign()
    {
        KlingVideoTask other = await _harness.FinishedAsync("other");
        await _harness.Ledger.Tasks.RecordSavingAsync(other, Write("fox.mp4", "My holiday."), new string('0', 64));

        Assert.Equal(ErrorKind.FileExists, (await Assert.ThrowsAsync<KlingException>(() => FindAsync(Resolver(), "/one/fox.png"))).Kind);
    }

    [Fact]
    public async Task A_video_whose_saving_nobody_recorded_to_the_end_is_found_by_its_content_and_by_no_other_task()
    {
        KlingVideoTask mine = await _harness.FinishedAsync("mine");
        KlingVideoTask other = await _harness.FinishedAsync("other");
        string path = Write("fox.mp4", "mine");
        string hash = await HashAsync(path);
        await _harness.Ledger.Tasks.RecordSavingAsync(mine, path, hash);
        OutputPathResolver resolver = Resolver();

        OutputPath found = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromTask(mine), mine, Token);
        Assert.Equal((path, true, hash), (found.Path, found.HasVideo, found.UnrecordedHash));
        Assert.Equal(("fox-2.mp4", false), await FindAsync(Resolver(), "/one/fox.png", other));

        Write("fox.mp4", "My holiday, which is longer.");
        Assert.Equal(ErrorKind.FileExists, (await Assert.ThrowsAsync<KlingException>(() => FindAsync(Resolver(), "/one/fox.png", mine))).Kind);
    }

    [Fact]
    public async Task A_file_is_another_task_s_where_that_has_saved_it_and_wherever_it_was_copied_to()
    {
        KlingVideoTask theirs = await SavedAsync("theirs", "fox.mp4");
        KlingVideoTask mine = await _harness.FinishedAsync("mine");
        string copy = Write("owl.mp4", "theirs");
        string foreign = Write("boat.mp4", "My holiday.");
        OutputPathResolver resolver = Resolver();

        Assert.True(await resolver.IsOthersAsync(PathOf("fox.mp4"), mine, Token));
        Assert.True(await resolver.IsOthersAsync(copy, mine, Token));
        Assert.False(await resolver.IsOthersAsync(PathOf("fox.mp4"), theirs, Token));
        Assert.False(await resolver.IsOthersAsync(foreign, mine, Token));
    }

    [Theory]
    [InlineData(null, "theirs", true)]
    [InlineData("theirs", "mine", true)]
    [InlineData("theirs", "theirs", false)]
    public async Task Force_replaces_no_video_that_another_ledger_has_bought(string? own, string described, bool isOthers)
    {
        KlingVideoTask task = await _harness.FinishedAsync("mine");
        string path = Write("fox.mp4", "theirs");
        await DescribeAsync(path, task, described);

        (string, bool) found = await ResolveAsync();
        Assert.Equal((isOthers ? "fox-2.mp4" : "fox.mp4", false), found);

        // Whoever has edited it since has a file of his own, which -Force is about.
        Write("fox.mp4", "My holiday, which is longer.");
        Assert.Equal(("fox.mp4", false), await ResolveAsync());

        async Task<(string Name, bool HasVideo)> ResolveAsync()
        {
            OutputPathResolver resolver = Resolver(overwrite: true);
            OutputPath output = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromIdentity(own ?? "mine"), own is null ? null : task, Token);
            return (Path.GetRelativePath(Destination, output.Path), output.HasVideo);
        }
    }

    [Fact]
    public async Task Force_replaces_no_video_of_another_ledger_when_a_task_is_named_and_not_its_image()
    {
        KlingVideoTask task = await _harness.FinishedAsync("mine");
        await DescribeAsync(Write("fox.mp4", "theirs"), task, "theirs");
        OutputPathResolver resolver = Resolver(overwrite: true);

        OutputPath output = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromTask(task), task, Token);

        Assert.Equal((PathOf("fox-2.mp4"), false), (output.Path, output.HasVideo));
    }

    [Fact]
    public void A_path_below_a_file_is_refused_before_anything_is_bought()
    {
        File.WriteAllText(Destination, "No folder.");

        var error = Assert.Throws<KlingException>(() => Resolver().RequireUsable(ValuesOf("/one/fox.png"), null, isAboutToWrite: false));

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
    }

    [Fact]
    public async Task What_is_refused_is_the_path_that_was_chosen_and_not_the_one_that_was_asked_for()
    {
        await SavedAsync("a", "fox.mp4");
        OutputPathResolver resolver = Resolver();
        OutputPath output = await resolver.ResolveAsync(NameOf(resolver, "/one/fox.png"), VideoKey.FromIdentity("fox"), null, Token);
        Directory.CreateDirectory(output.Path);

        resolver.RequireUsable(ValuesOf("/one/fox.png"), null, isAboutToWrite: false);
        var error = Assert.Throws<KlingException>(() => resolver.RequireUsable(ValuesOf("/one/fox.png"), output, isAboutToWrite: false));

        Assert.Equal(ErrorKind.DestinationUnusable, error.Kind);
        Assert.Contains("fox-2.mp4", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_is_written_to_only_when_something_is_about_to_be_and_is_not_made_for_that()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has a folder that takes files from nobody.");
        var resolver = new OutputPathResolver(_harness.NewService(), new SaveOptions { Destination = "/proc/klingps" });

        resolver.RequireUsable(ValuesOf("/one/fox.png"), null, isAboutToWrite: false);
        Assert.Equal(ErrorKind.DestinationUnusable, Assert.Throws<KlingException>(() => resolver.RequireUsable(ValuesOf("/one/fox.png"), null, isAboutToWrite: true)).Kind);

        Resolver().RequireUsable(ValuesOf("/one/fox.png"), null, isAboutToWrite: true);
        Assert.False(Directory.Exists(Destination));
    }

    [Fact]
    public void A_folder_that_can_be_written_to_again_is_used_again()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has a folder that takes files from nobody.");
        Directory.CreateSymbolicLink(Destination, "/proc");
        OutputPathResolver resolver = Resolver();
        Assert.Equal(ErrorKind.DestinationUnusable, Assert.Throws<KlingException>(() => resolver.RequireUsable(ValuesOf("/one/fox.png"), null, isAboutToWrite: true)).Kind);

        File.Delete(Destination);
        Directory.CreateDirectory(Destination);

        resolver.RequireUsable(ValuesOf("/one/fox.png"), null, isAboutToWrite: true);
    }

    [Fact]
    public async Task A_file_that_only_looks_like_another_task_s_is_not_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere the two names are one.");
        await SavedAsync("a", "FOX.mp4");
        Write("fox.mp4", "My holiday.");

        Assert.Equal(ErrorKind.FileExists, (await Assert.ThrowsAsync<KlingException>(() => FindAsync(Resolver(), "/one/fox.png"))).Kind);
    }

    [Fact]
    public async Task Images_that_look_for_a_place_hold_no_thread_while_the_ledger_is_read()
    {
        Write("fox.mp4", "My holiday.");
        Write("owl.mp4", "Mine as well.");
        using var hasGoneOn = new ManualResetEventSlim();
        bool wasFree = false;
        _harness.Ledger.BeforeCall = name => wasFree = name != nameof(ITaskJournal.ListSavedPathsAsync) || hasGoneOn.Wait(Eventually.Patience, Token);
        OutputPathResolver resolver = Resolver(overwrite: true);

        Task<(string Name, bool HasVideo)>[] finds = [FindAsync(resolver, "/one/fox.png"), FindAsync(resolver, "/one/owl.png")];
        hasGoneOn.Set();

        Assert.Equal([("fox.mp4", false), ("owl.mp4", false)], await Task.WhenAll(finds));
        Assert.True(wasFree);
    }

    /// <summary>However the tasks of a run finish, and whatever the next run is given, each video has a name of its own, and keeps it.</summary>
    [Fact]
    public async Task Images_that_want_the_same_name_for_the_same_video_share_it()
    {
        OutputPathResolver resolver = Resolver();
        VideoName one = NameOf(resolver, "/one/fox.png");
        VideoName two = NameOf(resolver, "/two/fox.png");

        OutputPath[] places = await Task.WhenAll(resolver.ResolveAsync(one, VideoKey.FromIdentity("A"), null, Token), resolver.ResolveAsync(two, VideoKey.FromIdentity("A"), null, Token));

        Assert.Equal(places[0], places[1]);
        Assert.NotEqual(places[0].Path, (await resolver.ResolveAsync(NameOf(resolver, "/three/fox.png"), VideoKey.FromIdentity("B"), null, Token)).Path);
    }

    [Fact]
    public Task Names_are_distinct_and_stay_the_same_in_later_runs()
        => Gen.Select(Gen.Int[0, 2].Array[1, 8], Gen.Int[0, int.MaxValue - 1]).SampleAsync(
            async (images, seed) =>
            {
                await using var harness = new PipelineHarness();
                var random = new Random(seed);
                string destination = Path.Combine(harness.Folder, "videos");
                Directory.CreateDirectory(destination);
                var videos = new List<(string Source, long Id)>();
                for (int i = 0; i < images.Length; i++)
                {
                    string source = $"/{i}/{s_names[images[i]]}.png";
                    videos.Add((source, (await harness.FinishedAsync($"t{i}", source)).Id));
                }

                var placed = new Dictionary<long, string>();
                for (int run = 0; run < 3; run++)
                {
                    var resolver = new OutputPathResolver(harness.NewService(), new SaveOptions { Destination = destination });
                    (string Source, long Id)[] given = [.. videos.OrderBy(_ => random.Next()).Take(random.Next(1, videos.Count + 1))];
                    (long Id, VideoName Name)[] named = [.. given.Select(video => (video.Id, NameOf(resolver, video.Source)))];
                    foreach ((long id, VideoName name) in named.OrderBy(_ => random.Next()))
                    {
                        KlingVideoTask task = (await harness.Ledger.Tasks.FindAsync(id, Token))!;
                        OutputPath place = await resolver.ResolveAsync(name, VideoKey.FromIdentity($"video {id}"), task, Token);
                        Assert.Equal(placed.ContainsKey(id), place.HasVideo);
                        if (place.HasVideo)
                        {
                            Assert.Equal(placed[id], place.Path);
                            continue;
                        }

                        Assert.DoesNotContain(place.Path, placed.Values);
                        await File.WriteAllTextAsync(place.Path, task.TaskId, Token);
                        string hash = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(place.Path, Token)));
                        await harness.Ledger.Tasks.RecordSavedAsync(task, place.Path, hash);
                        placed[id] = place.Path;
                    }
                }
            },
            iter: 100,
            threads: 1);
}
