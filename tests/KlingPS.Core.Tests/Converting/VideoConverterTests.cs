using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Saving;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Tests.Submitting;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Converting;

public sealed class VideoConverterTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public VideoConverterTests()
    {
        _harness.Makes = PipelineHarness.Succeeded;
        _harness.Videos.ContentOf = VideoAt;
    }

    private string Destination => Path.Combine(_harness.Folder, "videos");

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    /// <summary>Each task's video is unlike any other's.</summary>
    private static byte[] VideoAt(Uri uri) => TestMp4.Create(3000, uri.AbsolutePath.Aggregate(17, (hash, character) => unchecked((hash * 31) + character)));

    private static byte[] VideoOf(KlingVideoTask task) => VideoAt(new Uri(task.ResultUri!));

    private VideoConverter Converter(ConversionOptions? options = null, bool overwrite = false, string template = NameTemplate.DefaultText)
        => new(
            _harness.NewService(),
            (options ?? new ConversionOptions { Save = Save() }) with { Save = Save() with { Overwrite = overwrite, Template = NameTemplate.Parse(template) } });

    private SaveOptions Save() => new() { Destination = Destination };

    private static async Task<Outcome<ConversionItem, SavedVideo>[]> StartAsync(VideoConverter converter, Submission[] requests, CancellationToken cancellationToken = default)
    {
        ConversionItem[] items = [.. requests.Select(converter.Accept).OfType<ConversionItem>()];
        return await Task.WhenAll(items.Select(item => Task.Run(() => converter.ConvertAsync(item, cancellationToken), CancellationToken.None)));
    }

    private async Task<Outcome<ConversionItem, SavedVideo>[]> RunAsync(VideoConverter converter, params Submission[] requests)
    {
        Outcome<ConversionItem, SavedVideo>[] outcomes = await _harness.Clock.RunAsync(StartAsync(converter, requests));
        Assert.Equal(outcomes.Length, converter.Counts.Done);
        Assert.Equal(outcomes.Length, converter.Counts.Total);
        Assert.Equal(outcomes.Count(outcome => outcome.Value is not null), converter.Counts.Saved);
        return outcomes;
    }

    /// <summary>Runs a batch in which all goes well; returns the names of its videos in the order of the images.</summary>
    private async Task<string[]> MadeAsync(VideoConverter converter, params Submission[] requests)
    {
        Outcome<ConversionItem, SavedVideo>[] outcomes = await RunAsync(converter, requests);
        Assert.All(outcomes, outcome => Assert.True(outcome.Error is null, outcome.Error?.ToString()));
        Assert.All(outcomes, outcome => Assert.Equal(VideoOf(outcome.Value!.Task), File.ReadAllBytes(outcome.Value.Path)));
        Assert.Empty(converter.Unfinished);
        Assert.Empty(Directory.GetFiles(Destination, "*.partial*", SearchOption.AllDirectories));
        return [.. outcomes.Select(outcome => Path.GetRelativePath(Destination, outcome.Value!.Path))];
    }

    private async Task<string[]> MadeAsync(params Submission[] requests)
    {
        using VideoConverter converter = Converter();
        return await MadeAsync(converter, requests);
    }

    private async Task<KlingException> FailsAsync(Submission request, ConversionOptions? options = null)
    {
        using VideoConverter converter = Converter(options);
        Outcome<ConversionItem, SavedVideo> outcome = Assert.Single(await RunAsync(converter, request));
        Assert.Null(outcome.Value);
        return outcome.Error!;
    }

    [Fact]
    public async Task An_image_is_bought_and_its_video_is_on_disk_and_the_next_run_sends_nothing()
    {
        Submission request = _harness.Submission("Füchsin.png");
        using VideoConverter first = Converter();
        Assert.Equal(["Füchsin.mp4"], await MadeAsync(first, request));
        Assert.Equal((1, 0, 42m), (first.Counts.Made, first.Counts.Reused, first.Counts.Credits));
        Assert.Equal(Path.Combine(Destination, "Füchsin.mp4"), Assert.Single(await _harness.ListAsync()).SavedPath);
        int requests = _harness.Service.Requests.Count;

        using VideoConverter second = Converter();
        Assert.Equal(["Füchsin.mp4"], await MadeAsync(second, request));

        Assert.Equal((0, 1, 0m), (second.Counts.Made, second.Counts.Reused, second.Counts.Credits));
        Assert.Equal((1, requests, 1), (_harness.Creates, _harness.Service.Requests.Count, _harness.Videos.Requests.Count));
    }

    [Fact]
    public async Task An_image_whose_hash_is_recorded_and_whose_video_is_there_is_not_even_opened()
    {
        Submission request = _harness.Submission("fox.png");
        string path = request.Spec.Image!.Path!;
        File.SetLastWriteTimeUtc(path, _harness.Clock.GetUtcNow().UtcDateTime.AddHours(-1));
        Assert.Equal(["fox.mp4"], await MadeAsync(request));

        // The first run had no ledger yet to record it in.
        Assert.Equal(["fox.mp4"], await MadeAsync(request));

        // Whoever opens it now is refused.
        await using var held = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);

        Assert.Equal(["fox.mp4"], await MadeAsync(request));
        Assert.Equal(1, _harness.Creates);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(2)]
    public async Task Copies_of_an_image_hold_up_no_other_image_while_it_is_being_bought(int? throttleLimit)
    {
        // More copies than there are images on their way at the same time.
        Submission[] requests = [.. Enumerable.Range(0, 40).Select(copy => _harness.Submission($"fox {copy}.png")), _harness.Submission("wolf.png", seed: 1)];
        var isAnswered = new TaskCompletionSource();
        int creates = 0;
        _harness.Service.On(FakeService.CreatePath, async (request, token) =>
        {
            if (Interlocked.Increment(ref creates) == 1)
            {
                await isAnswered.Task;
            }

            return await _harness.AcceptTask(request, token);
        });
        using VideoConverter converter = Converter(new ConversionOptions { Save = Save(), ThrottleLimit = throttleLimit });

        Task<Outcome<ConversionItem, SavedVideo>[]> all = StartAsync(converter, requests);
        await Eventually.TrueAsync(() => Volatile.Read(ref creates) == 2, "the other image to be bought");
        isAnswered.SetResult();
        Outcome<ConversionItem, SavedVideo>[] outcomes = await _harness.Clock.RunAsync(all);

        Assert.All(outcomes, outcome => Assert.Null(outcome.Error));
        Assert.Equal((2, 2), (creates, converter.Counts.Made));
    }

    [Fact]
    public async Task A_renamed_image_gets_its_video_from_where_it_is_and_nothing_is_sent()
    {
        Submission request = _harness.Submission("fox.png");
        await MadeAsync(request);
        int requests = _harness.Service.Requests.Count;

        File.Move(request.Subject, Path.Combine(_harness.Folder, "wolf.png"));
        Assert.Equal(["wolf.mp4"], await MadeAsync(request.Asking(spec => spec with { Image = MediaSource.FromFile(Path.Combine(_harness.Folder, "wolf.png")) })));

        Assert.Equal((1, requests, 1), (_harness.Creates, _harness.Service.Requests.Count, _harness.Videos.Requests.Count));
        Assert.True(File.Exists(Path.Combine(Destination, "fox.mp4")));
    }

    [Fact]
    public async Task An_image_that_takes_the_name_of_one_that_was_renamed_gets_a_video_of_its_own()
    {
        Submission old = _harness.Submission("fox.png");
        await MadeAsync(old);
        File.Move(old.Subject, Path.Combine(_harness.Folder, "wolf.png"));
        Submission renamed = old.Asking(spec => spec with { Image = MediaSource.FromFile(Path.Combine(_harness.Folder, "wolf.png")) });
        await MadeAsync(renamed);

        Submission another = _harness.Submission("fox.png", 7);

        Assert.Equal(["fox-2.mp4", "wolf.mp4"], await MadeAsync(another, renamed));
        Assert.Equal(["wolf.mp4", "fox-2.mp4"], await MadeAsync(renamed, another));
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task A_video_that_is_missing_is_downloaded_again()
    {
        Submission request = _harness.Submission("fox.png");
        string[] made = await MadeAsync(request);
        File.Delete(Path.Combine(Destination, made[0]));

        Assert.Equal(made, await MadeAsync(request));

        Assert.Equal((1, 2), (_harness.Creates, _harness.Videos.Requests.Count));
    }

    [Fact]
    public async Task An_expired_link_is_renewed()
    {
        Submission request = _harness.Submission("fox.png");
        string[] made = await MadeAsync(request);
        File.Delete(Path.Combine(Destination, made[0]));
        _harness.Videos.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Forbidden));
        _harness.Service.On(FakeService.RenewPath, Replies.Data("\"https://videos.example/task-1.mp4?fresh\""));

        Assert.Equal(made, await MadeAsync(request));

        Assert.Equal("?fresh", _harness.Videos.Requests[^1].RequestUri!.Query);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task What_has_failed_before_is_bought_again_only_when_that_is_asked_for()
    {
        Submission request = _harness.Submission("fox.png");
        _harness.Makes = _ => PipelineHarness.Failed("501", "no video");
        using VideoConverter failing = Converter();
        Assert.Equal(ErrorKind.TaskFailed, Assert.Single(await RunAsync(failing, request)).Error!.Kind);
        Assert.Equal((1, 0m), (failing.Counts.Failed, failing.Counts.Credits));
        Assert.Empty(failing.Unfinished);

        _harness.Makes = PipelineHarness.Succeeded;
        KlingException error = await FailsAsync(request);
        Assert.Equal(ErrorKind.TaskFailed, error.Kind);
        Assert.Contains("-RetryFailed", error.Message, StringComparison.Ordinal);
        Assert.Contains("no video (code 501)", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Creates);

        await MadeAsync(request with { RetryFailed = true });
        await MadeAsync(request with { RetryFailed = true });
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task What_may_have_been_bought_is_never_bought_again_and_holds_up_no_other()
    {
        Submission lost = _harness.Submission("lost.png", 1).Asking(spec => spec with { Prompt = "lost" });
        Submission[] others = [.. Enumerable.Range(2, 5).Select(seed => _harness.Submission($"{seed}.png", (uint)seed))];
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            await request.ReadAsync(cancellationToken);
            return request.Text.Contains("lost", StringComparison.Ordinal)
                ? throw new HttpRequestException(HttpRequestError.ResponseEnded)
                : await _harness.AcceptTask(request, cancellationToken);
        });
        using VideoConverter converter = Converter();

        Outcome<ConversionItem, SavedVideo>[] outcomes = await RunAsync(converter, [lost, .. others]);

        Assert.Equal(ErrorKind.AttemptUnknown, outcomes[0].Error!.Kind);
        Assert.All(outcomes[1..], outcome => Assert.NotNull(outcome.Value));
        Assert.Equal((5, 1, 0), (converter.Counts.Made, converter.Counts.Unknown, converter.Counts.Failed));
        Assert.Equal(ErrorKind.AttemptUnknown, (await FailsAsync(lost with { RetryFailed = true })).Kind);
        Assert.Equal(6, _harness.Creates);
    }

    [Fact]
    public async Task What_an_earlier_run_has_bought_is_waited_for()
    {
        Submission[] requests = [_harness.Submission("fox.png"), _harness.Submission("owl.png", 1)];
        await StopWhenBoughtAsync(requests);
        Assert.All(await _harness.ListAsync(), task => Assert.True(task.TaskState.IsPending()));

        _harness.Tasks["task-1"] = PipelineHarness.Succeeded("task-1");
        _harness.Tasks["task-2"] = PipelineHarness.Succeeded("task-2");
        using VideoConverter converter = Converter();
        Assert.Equal(["fox.mp4", "owl.mp4"], await MadeAsync(converter, requests));

        Assert.Equal((2, 2, 0m), (_harness.Creates, converter.Counts.Reused, converter.Counts.Credits));
    }

    /// <summary>Stops a batch when all its tasks are bought and none is finished.</summary>
    private async Task StopWhenBoughtAsync(params Submission[] requests)
    {
        var asked = new CountdownEventAsync(requests.Length);
        _harness.Makes = taskId =>
        {
            int looks = 0;
            return (request, cancellationToken) =>
            {
                if (Interlocked.Increment(ref looks) == 1)
                {
                    asked.Signal();
                }

                return PipelineHarness.Generating(request, cancellationToken);
            };
        };
        using var stop = new CancellationTokenSource();
        using VideoConverter converter = Converter();
        Task<Outcome<ConversionItem, SavedVideo>[]> running = StartAsync(converter, requests, stop.Token);
        await _harness.Clock.RunAsync(asked.Task);
        Assert.Equal(requests.Length, converter.Unfinished.Count);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _harness.Clock.RunAsync(running));
        Assert.Equal(requests.Length, converter.Unfinished.Count);
    }

    [Fact]
    public async Task Two_images_of_the_same_content_are_one_task_and_two_files()
    {
        Assert.Equal(["fox.mp4", "copy.mp4"], await MadeAsync(_harness.Submission("fox.png"), _harness.Submission("copy.png")));

        Assert.Equal((1, 1), (_harness.Creates, _harness.Uploads));
        Assert.Equal(["fox.mp4", "copy.mp4"], await MadeAsync(_harness.Submission("fox.png"), _harness.Submission("copy.png")));
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task Takes_and_prompts_make_different_videos_of_the_same_image()
    {
        Submission request = _harness.Submission("fox.png");
        Submission[] requests = [request, request.Asking(spec => spec with { Take = 2 }), request.Asking(spec => spec with { Prompt = "A fox sleeps." })];

        Assert.Equal(["fox.mp4", "fox-2.mp4", "fox-3.mp4"], await MadeAsync(requests));
        Assert.Equal(["fox.mp4", "fox-2.mp4", "fox-3.mp4"], await MadeAsync(requests));

        Assert.Equal((3, 1), (_harness.Creates, _harness.Uploads));
        Assert.Equal([1, 2, 1], (await _harness.ListAsync()).OrderBy(task => task.SavedPath!.Length).ThenBy(task => task.SavedPath).Select(task => task.Take));
    }

    [Fact]
    public void The_very_same_item_is_taken_once()
    {
        using VideoConverter converter = Converter();
        Submission request = _harness.Submission("fox.png");

        Assert.NotNull(converter.Accept(request));
        Assert.Null(converter.Accept(request with { }));
        Assert.NotNull(converter.Accept(request.Asking(spec => spec with { Take = 2 })));
    }

    [Fact]
    public async Task Images_of_one_name_get_distinct_videos_that_keep_their_names_when_the_order_changes()
    {
        Submission[] requests = [_harness.Submission("a/fox.png", 1), _harness.Submission("b/fox.png", 2), _harness.Submission("c/fox.png", 3)];
        Assert.Equal(["fox.mp4", "fox-2.mp4", "fox-3.mp4"], await MadeAsync(requests));

        Assert.Equal(["fox-3.mp4", "fox-2.mp4"], await MadeAsync(requests[2], requests[1]));
        Submission[] more = [_harness.Submission("d/fox.png", 4), requests[0], requests[2], requests[1]];
        string[] names = await MadeAsync(more);
        Assert.Equal(["fox.mp4", "fox-3.mp4", "fox-2.mp4"], names[1..]);
        Assert.DoesNotContain(names[0], names[1..]);
        Assert.Equal(names, await MadeAsync(more));
        Assert.Equal(4, _harness.Creates);
    }

    [Fact]
    public async Task A_foreign_file_in_the_way_is_told_before_anything_is_bought()
    {
        Directory.CreateDirectory(Destination);
        await File.WriteAllTextAsync(Path.Combine(Destination, "fox.mp4"), "My holiday.");

        KlingException error = await FailsAsync(_harness.Submission("fox.png"));

        Assert.Equal(ErrorKind.FileExists, error.Kind);
        Assert.Empty(_harness.Service.Requests);
        using VideoConverter forced = Converter(overwrite: true);
        Assert.Equal(["fox.mp4"], await MadeAsync(forced, _harness.Submission("fox.png")));
    }

    [Fact]
    public async Task A_name_that_hangs_on_the_purchase_is_made_after_it()
    {
        using VideoConverter converter = Converter(template: "{Index}-{TaskId}-{BaseName}");
        ConversionItem item = converter.Accept(_harness.Submission("fox.png"))!;
        Assert.Null(item.Name);

        Outcome<ConversionItem, SavedVideo> outcome = await _harness.Clock.RunAsync(converter.ConvertAsync(item, CancellationToken.None));

        Assert.Equal("1-task-1-fox.mp4", Path.GetFileName(outcome.Value!.Path));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task No_more_tasks_are_at_the_service_than_are_allowed(int limit)
    {
        int inFlight = 0;
        int most = 0;
        _harness.Makes = taskId =>
        {
            int now = Interlocked.Increment(ref inFlight);
            InterlockedMax(ref most, now);
            int looks = 0;
            return (request, cancellationToken) =>
            {
                // None ends before as many are there as may be.
                if (Interlocked.Increment(ref looks) < 3 || Volatile.Read(ref most) < limit)
                {
                    return PipelineHarness.Generating(request, cancellationToken);
                }

                Interlocked.Decrement(ref inFlight);
                return PipelineHarness.Succeeded(taskId)(request, cancellationToken);
            };
        };
        using VideoConverter converter = Converter(new ConversionOptions { Save = Save(), ThrottleLimit = limit });

        await MadeAsync(converter, [.. Enumerable.Range(0, 10).Select(i => _harness.Submission($"{i}.png", (uint)i))]);

        Assert.Equal(limit, most);
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen = Volatile.Read(ref target);
        while (seen < value && Interlocked.CompareExchange(ref target, value, seen) is int found && found != seen)
        {
            seen = found;
        }
    }

    [Fact]
    public async Task When_the_credits_end_half_way_what_is_paid_for_is_saved_and_the_rest_is_bought_after_a_top_up()
    {
        int credits = 2;
        _harness.Service.On(FakeService.CreatePath, (request, cancellationToken) => Interlocked.Decrement(ref credits) >= 0
            ? _harness.AcceptTask(request, cancellationToken)
            : Replies.Code(402, "Credits insufficient")(request, cancellationToken));
        Submission[] requests = [.. Enumerable.Range(0, 6).Select(i => _harness.Submission($"{i}.png", (uint)i))];
        using VideoConverter poor = Converter();

        Outcome<ConversionItem, SavedVideo>[] outcomes = await RunAsync(poor, requests);

        Assert.Equal(2, outcomes.Count(outcome => outcome.Value is not null));
        Assert.All(outcomes.Where(outcome => outcome.Value is null), outcome => Assert.Equal(ErrorKind.CreditsInsufficient, outcome.Error!.Kind));
        Assert.Equal((2, 4, 84m), (poor.Counts.Made, poor.Counts.Failed, poor.Counts.Credits));

        credits = 100;
        using VideoConverter rich = Converter();
        await MadeAsync(rich, requests);
        Assert.Equal((4, 2), (rich.Counts.Made, rich.Counts.Reused));
        Assert.Equal(6, (await _harness.ListAsync()).Count(task => task.TaskState == KlingTaskState.Succeeded));
    }

    [Fact]
    public async Task What_goes_over_the_limit_is_not_bought()
    {
        Submission[] requests =
            [.. Enumerable.Range(0, 5).Select(i => _harness.Submission($"{i}.png", (uint)i) with { Budget = new BudgetLimit { RunId = "run", MaxTasks = 2 } })];
        using VideoConverter converter = Converter();

        Outcome<ConversionItem, SavedVideo>[] outcomes = await RunAsync(converter, requests);

        Assert.Equal(2, outcomes.Count(outcome => outcome.Value is not null));
        Assert.All(
            outcomes.Where(outcome => outcome.Value is null),
            outcome =>
            {
                Assert.Equal(ErrorKind.BudgetExceeded, outcome.Error!.Kind);
                Assert.Contains(outcome.Item.Submission.Subject, outcome.Error.Message, StringComparison.Ordinal);
            });
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task An_image_over_a_limit_that_is_reached_is_not_uploaded()
    {
        var budget = new BudgetLimit { RunId = "run", MaxTasks = 1 };
        using VideoConverter converter = Converter();
        await MadeAsync(converter, _harness.Submission("fox.png") with { Budget = budget });

        ConversionItem item = converter.Accept(_harness.Submission("owl.png", 1) with { Budget = budget })!;
        Outcome<ConversionItem, SavedVideo> outcome = await _harness.Clock.RunAsync(converter.ConvertAsync(item, CancellationToken.None));

        Assert.Equal(ErrorKind.BudgetExceeded, outcome.Error!.Kind);
        Assert.Equal(1, _harness.Uploads);
    }

    [Fact]
    public async Task A_task_that_takes_too_long_is_told_and_taken_up_by_the_next_run()
    {
        _harness.Makes = _ => PipelineHarness.Generating;
        Submission request = _harness.Submission("fox.png");
        using VideoConverter converter = Converter(new ConversionOptions { Save = Save(), Wait = new WaitOptions { Timeout = TimeSpan.FromSeconds(30) } });

        Assert.Equal(ErrorKind.WaitTimeout, Assert.Single(await RunAsync(converter, request)).Error!.Kind);

        Assert.Equal("task-1", Assert.Single(converter.Unfinished).TaskId);
        Assert.Equal(42m, converter.Counts.Credits);
        _harness.Tasks["task-1"] = PipelineHarness.Succeeded("task-1");
        await MadeAsync(request);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task A_video_that_an_earlier_version_bought_with_a_tail_image_the_model_ignored_is_still_fetched()
    {
        Submission submission = _harness.Submission("fox.png").Asking(spec => spec with
        {
            Model = "kling/v2-1-master-image-to-video",
            TailImage = MediaSource.FromFile(_harness.Image("end.png", 1)),
        });
        IdentifiedSubmission identified = await _harness.IdentifyAsync(submission);
        KlingVideoTask bought = await _harness.Ledger.Tasks.BeginAsync(
            new TaskIntent { Account = _harness.Session.Account, Spec = identified.Submission.Spec, Identity = identified.Identity, Credits = 160 },
            CancellationToken.None);
        await _harness.Ledger.Tasks.RecordAcceptedAsync(bought.Id, "theirs");
        _harness.Tasks["theirs"] = PipelineHarness.Succeeded("theirs");

        Assert.Equal(["fox.mp4"], await MadeAsync(submission));
        Assert.Equal((0, 0), (_harness.Uploads, _harness.Creates));
    }

    /// <summary>Records a video as an earlier version has bought it.</summary>
    private async Task RecordBoughtAsync(VideoSpec recorded)
    {
        KlingVideoTask bought = await _harness.Ledger.Tasks.BeginAsync(
            new TaskIntent { Account = _harness.Session.Account, Spec = recorded, Identity = recorded.GetIdentity(), Credits = 42 },
            CancellationToken.None);
        await _harness.Ledger.Tasks.RecordAcceptedAsync(bought.Id, "theirs");
        _harness.Tasks["theirs"] = PipelineHarness.Succeeded("theirs");
    }

    [Theory]
    [InlineData("It moves.\r\nIt stops.", null)]
    [InlineData("It moves.\nIt stops.\n", null)]
    [InlineData("\uFEFFIt moves. \r\nIt stops.\r\n\r\n", "blur\r\ntext\r\n")]
    [InlineData("Ein Fu\u0308chslein la\u0308uft.", "")]
    [InlineData("It\u200B mo\u00ADves.\u200E", "\u200Bblur")]
    public async Task A_text_that_an_earlier_version_bought_as_it_was_typed_is_not_bought_again(string prompt, string? negativePrompt)
    {
        Submission typed = _harness.Submission("fox.png").Asking(spec => spec with { Prompt = prompt, NegativePrompt = negativePrompt, TailImage = MediaSource.FromFile(_harness.Image("end.png", 1)) });
        IdentifiedSubmission identified = await _harness.IdentifyAsync(typed);
        VideoSpec recorded = identified.Submission.Spec with { Prompt = prompt, NegativePrompt = negativePrompt };
        await RecordBoughtAsync(recorded);
        Assert.NotEqual(identified.Identity, recorded.GetIdentity());

        Assert.Equal(["fox.mp4"], await MadeAsync(typed));
        Assert.Equal(["fox.mp4"], await MadeAsync(typed with { Spec = typed.Spec.Normalized() }));
        Assert.Equal((0, 0), (_harness.Uploads, _harness.Creates));
    }

    [Fact]
    public async Task A_text_without_an_image_that_was_bought_with_invisible_characters_is_not_bought_again_without_them()
    {
        Submission clean = _harness.Submission("fox.png").Asking(spec => new VideoSpec { Model = "kling/v2-5-turbo-text-to-video-pro", Prompt = "It moves." });
        VideoSpec recorded = clean.Spec with { Prompt = "It mo\u00ADves.\u200B" };
        await RecordBoughtAsync(recorded);

        Assert.Single(await MadeAsync(clean));
        Assert.Single(await MadeAsync(clean.Asking(_ => recorded)));
        Assert.Equal(0, _harness.Creates);
    }

    [Fact]
    public async Task What_may_have_been_bought_in_another_spelling_is_not_sent_again_either()
    {
        Submission request = _harness.Submission("fox.png").Asking(spec => spec with { Prompt = "It moves.\nIt stops." });
        IdentifiedSubmission identified = await _harness.IdentifyAsync(request);
        VideoSpec recorded = identified.Submission.Spec with { Prompt = "It moves.\r\nIt stops.\r\n" };
        KlingVideoTask lost = await _harness.Ledger.Tasks.BeginAsync(
            new TaskIntent { Account = _harness.Session.Account, Spec = recorded, Identity = recorded.GetIdentity(), Credits = 42 },
            CancellationToken.None);
        await _harness.Ledger.Tasks.LoseAsync(lost.Id, "The answer was lost.");

        KlingException converted = await FailsAsync(request);
        KlingException submitted = (await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService(isObserved: false)), request)).Error!;

        Assert.Equal((ErrorKind.AttemptUnknown, ErrorKind.AttemptUnknown), (converted.Kind, submitted.Kind));
        Assert.Equal((0, 0), (_harness.Uploads, _harness.Creates));
    }

    [Fact]
    public async Task What_was_bought_when_the_case_of_a_model_mattered_is_not_bought_again()
    {
        Submission request = _harness.Submission("fox.png");
        IdentifiedSubmission identified = await _harness.IdentifyAsync(request);
        VideoSpec recorded = identified.Submission.Spec with { Model = identified.Submission.Spec.Model.ToUpperInvariant() };
        await RecordBoughtAsync(recorded);

        Assert.NotEqual(identified.Identity, recorded.GetIdentity());
        Assert.Equal(["fox.mp4"], await MadeAsync(request));
        Assert.Equal(0, _harness.Creates);
    }

    [Fact]
    public async Task Nor_is_what_was_bought_so_from_a_prompt_alone()
    {
        Submission clean = _harness.Submission("fox.png").Asking(_ => new VideoSpec { Model = "kling/v2-5-turbo-text-to-video-pro", Prompt = "It moves." });
        await RecordBoughtAsync(clean.Spec with { Model = "Kling/V2-5-Turbo-Text-to-Video-Pro" });

        Assert.Single(await MadeAsync(clean));
        Assert.Equal(0, _harness.Creates);
    }

    [Fact]
    public async Task One_text_is_bought_once_and_sent_in_one_spelling_however_its_lines_end()
    {
        Submission request = _harness.Submission("fox.png");
        Submission Saying(string prompt) => request.Asking(spec => spec with { Prompt = prompt });

        await MadeAsync(Saying("It moves.\r\nIt stops.\r\n"));
        await MadeAsync(Saying("It moves.\nIt stops."), Saying("\uFEFFIt moves. \rIt stops.\u2028"));

        SentRequest create = Assert.Single(_harness.Service.To(FakeService.CreatePath));
        Assert.Contains("\"It moves.\\nIt stops.\"", Encoding.UTF8.GetString(create.Body), StringComparison.Ordinal);
        Assert.Equal("It moves.\nIt stops.", Assert.Single(await _harness.ListAsync()).Prompt);
    }

    [Fact]
    public async Task A_damaged_text_is_refused_before_anything_is_uploaded_unless_it_was_bought_before()
    {
        Submission request = _harness.Submission("fox.png").Asking(spec => spec with { Prompt = "Die F\uFFFDchsin." });

        KlingException error = await FailsAsync(request);

        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains("fox.png': the prompt has U+FFFD", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, _harness.Uploads);

        IdentifiedSubmission identified = await _harness.IdentifyAsync(request);
        KlingVideoTask bought = await _harness.Ledger.Tasks.BeginAsync(
            new TaskIntent { Account = _harness.Session.Account, Spec = identified.Submission.Spec, Identity = identified.Identity, Credits = 42 },
            CancellationToken.None);
        await _harness.Ledger.Tasks.RecordAcceptedAsync(bought.Id, "theirs");
        _harness.Tasks["theirs"] = PipelineHarness.Succeeded("theirs");
        Assert.Equal(["fox.mp4"], await MadeAsync(request));
        Assert.Equal(0, _harness.Creates);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_another_process_is_buying_at_this_moment_is_waited_for(bool isAccepted)
    {
        Submission request = _harness.Submission("fox.png");
        IdentifiedSubmission identified = await _harness.IdentifyAsync(request);
        KlingVideoTask theirs = await _harness.Ledger.Tasks.BeginAsync(
            new TaskIntent
            {
                Account = _harness.Session.Account,
                Spec = identified.Submission.Spec,
                Identity = identified.Identity,
                Credits = 42,
            },
            CancellationToken.None);
        using VideoConverter converter = Converter();
        Task<string[]> made = MadeWithoutTimeAsync(converter, request);
        await _harness.Clock.PassAsync(TimeSpan.FromSeconds(3));
        Assert.False(made.IsCompleted);
        Assert.Empty(_harness.Service.Requests);

        if (isAccepted)
        {
            await _harness.Ledger.Tasks.AcceptAsync(theirs.Id, "theirs");
            _harness.Tasks["theirs"] = PipelineHarness.Succeeded("theirs");
        }
        else
        {
            await _harness.Ledger.Tasks.RejectAsync(theirs.Id, "422", "No.");
        }

        Assert.Equal(["fox.mp4"], await _harness.Clock.RunAsync(made));
        Assert.Equal(isAccepted ? 0 : 1, _harness.Creates);
        Assert.Equal(isAccepted ? 1 : 0, converter.Counts.Reused);
    }

    private async Task<string[]> MadeWithoutTimeAsync(VideoConverter converter, params Submission[] requests)
    {
        Outcome<ConversionItem, SavedVideo>[] outcomes = await StartAsync(converter, requests);
        Assert.All(outcomes, outcome => Assert.True(outcome.Error is null, outcome.Error?.ToString()));
        return [.. outcomes.Select(outcome => Path.GetRelativePath(Destination, outcome.Value!.Path))];
    }

    private static ConversionInput Planned(ConversionPlan plan, bool isWithinBudget)
        => new(plan.Submission.Subject, name: null) { Index = 0, Plan = plan, IsWithinBudget = isWithinBudget };

    private static ConversionPlanTotals Sum(IEnumerable<ConversionInput> inputs) => ConversionPlanTotals.From(PlanTotals.Of([.. inputs.Select(input => input.ToPlanItem())]));

    [Fact]
    public async Task A_plan_tells_each_step_counts_a_video_once_and_sends_nothing()
    {
        Submission there = _harness.Submission("there.png", 1);
        Submission gone = _harness.Submission("gone.png", 2);
        await MadeAsync(there, gone);
        File.Delete(Path.Combine(Destination, "gone.mp4"));
        Submission pending = _harness.Submission("pending.png", 3);
        await StopWhenBoughtAsync(pending);
        int sent = _harness.Service.Requests.Count;
        int fetched = _harness.Videos.Requests.Count;
        Submission[] requests =
            [there, gone, pending, _harness.Submission("new.png", 4), _harness.Submission("copy.png", 4), _harness.Submission("long.png", 5).Asking(spec => spec with { Duration = 10 }), _harness.Submission("more.png", 6)];

        using VideoConverter converter = Converter();
        var steps = new List<(string, ConversionStep)>();
        var budget = new PlanBudget(new BudgetLimit { MaxTasks = 2 });
        var inputs = new List<ConversionInput>();
        foreach (Submission request in requests)
        {
            ConversionPlan plan = await converter.Planner.PlanAsync(converter.Accept(request)!, isWhatIf: true, CancellationToken.None);
            Assert.Equal(Path.Combine(Destination, Path.GetFileNameWithoutExtension(request.Subject) + ".mp4"), plan.Path);
            inputs.Add(Planned(plan, budget.TryAdd(plan)));
            steps.Add((Path.GetFileNameWithoutExtension(request.Subject), plan.Step));
        }

        Assert.Equal(
            [
                ("there", ConversionStep.Nothing), ("gone", ConversionStep.Download), ("pending", ConversionStep.Wait), ("new", ConversionStep.Buy),
                ("copy", ConversionStep.Wait), ("long", ConversionStep.Buy), ("more", ConversionStep.Buy),
            ],
            steps);
        Assert.Equal(new ConversionPlanTotals { Bought = 2, Awaited = 2, Downloaded = 1, Present = 1, OverBudget = 1, Credits = 126 }, Sum(inputs));
        Assert.Equal((sent, fetched), (_harness.Service.Requests.Count, _harness.Videos.Requests.Count));
        Assert.Equal(3, (await _harness.ListAsync()).Count);
    }

    [Fact]
    public async Task A_plan_leaves_out_what_the_day_s_limit_does_not_allow_any_more()
    {
        _harness.Session.DailyCreditCap = 130;
        await MadeAsync(_harness.Submission("yesterday.png", 1));
        using VideoConverter converter = Converter();
        var planned = new List<(ConversionStep, bool)>();
        var budget = new PlanBudget(new BudgetLimit());
        var inputs = new List<ConversionInput>();
        foreach (Submission request in (Submission[])[_harness.Submission("a.png", 2), _harness.Submission("long.png", 3).Asking(spec => spec with { Duration = 10 }), _harness.Submission("b.png", 4), _harness.Submission("c.png", 5)])
        {
            ConversionPlan plan = await converter.Planner.PlanAsync(converter.Accept(request)!, isWhatIf: true, CancellationToken.None);
            bool isWithinBudget = budget.TryAdd(plan);
            inputs.Add(Planned(plan, isWithinBudget));
            Assert.Equal(!plan.IsOverDailyCap, isWithinBudget);
            if (!isWithinBudget)
            {
                converter.Planner.Decline(plan);
            }

            planned.Add((plan.Step, plan.IsOverDailyCap));
        }

        Assert.Equal([(ConversionStep.Buy, false), (ConversionStep.Buy, true), (ConversionStep.Buy, false), (ConversionStep.Buy, true)], planned);
        Assert.Equal(new ConversionPlanTotals { Bought = 2, OverBudget = 2, Credits = 84 }, Sum(inputs));
    }

    [Fact]
    public async Task A_plan_leaves_out_a_video_at_an_unknown_price_under_any_limit_of_credits()
    {
        Submission unpriced = _harness.Submission("unpriced.png", 1).Asking(spec => spec with { Model = "kling/of-next-year" });
        Submission priced = _harness.Submission("priced.png", 2);
        using VideoConverter converter = Converter();
        ConversionPlan plan = await converter.Planner.PlanAsync(converter.Accept(unpriced)!, isWhatIf: true, CancellationToken.None);
        ConversionPlan after = await converter.Planner.PlanAsync(converter.Accept(priced)!, isWhatIf: true, CancellationToken.None);

        bool isWithinCredits = new PlanBudget(new BudgetLimit { MaxCredits = 1_000_000, MaxTasks = 5 }).TryAdd(plan);
        var tasks = new PlanBudget(new BudgetLimit { MaxTasks = 5 });
        ConversionPlanTotals totals = Sum([Planned(plan, tasks.TryAdd(plan)), Planned(after, tasks.TryAdd(after))]);

        Assert.False(isWithinCredits);
        Assert.Equal(new ConversionPlanTotals { Bought = 2, Credits = 42, Unpriced = 1 }, totals);
        Assert.Contains("buy 2 for 42 credits and the unknown price of 1 of them,", totals.ToString(), StringComparison.Ordinal);

        _harness.Session.DailyCreditCap = 1_000_000;
        using VideoConverter capped = Converter();
        Assert.True((await capped.Planner.PlanAsync(capped.Accept(unpriced)!, isWhatIf: true, CancellationToken.None)).IsOverDailyCap);
        Assert.Empty(_harness.Service.Requests);
    }

    [Fact]
    public async Task Images_that_are_confirmed_one_by_one_are_not_counted_twice_against_the_day_s_limit()
    {
        _harness.Session.DailyCreditCap = 84;
        using VideoConverter converter = Converter();
        foreach (Submission request in (Submission[])[_harness.Submission("a.png", 1), _harness.Submission("b.png", 2)])
        {
            ConversionItem item = converter.Accept(request)!;
            Assert.False((await converter.Planner.PlanAsync(item, isWhatIf: false, CancellationToken.None)).IsOverDailyCap);
            await _harness.BeganAsync(request.Subject);
        }
    }

    [Fact]
    public async Task What_cannot_be_converted_has_no_plan()
    {
        await File.WriteAllTextAsync(Path.Combine(_harness.Folder, "text.png"), "no image");
        using VideoConverter converter = Converter();
        ConversionItem item = converter.Accept(Submissions.FromFile(Path.Combine(_harness.Folder, "text.png"), "x"))!;

        Assert.Equal(ErrorKind.ImageUnsupported, (await Assert.ThrowsAnyAsync<KlingException>(() => converter.Planner.PlanAsync(item, isWhatIf: true, CancellationToken.None))).Kind);
    }

    [Fact]
    public async Task Prompts_come_from_the_text_beside_the_image_and_else_from_the_request()
    {
        Submission own = _harness.Submission("own.png", 1);
        Submission plain = _harness.Submission("plain.png", 2);
        await File.WriteAllTextAsync(own.Subject + ".txt", "The fox jumps.");
        using VideoConverter converter = Converter(new ConversionOptions { Save = Save(), PromptFromSidecar = true });

        await MadeAsync(converter, own, plain);
        Assert.Equal(["A fox runs.", "The fox jumps."], (await _harness.ListAsync()).Select(task => task.Prompt).Order());

        KlingException error = await FailsAsync(plain.Asking(spec => spec with { Prompt = string.Empty }), new ConversionOptions { Save = Save(), PromptFromSidecar = true });
        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains(plain.Subject, error.Message, StringComparison.Ordinal);
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task A_sidecar_is_written_beside_each_video_also_where_that_is_there_already()
    {
        Submission request = _harness.Submission("fox.png");
        await MadeAsync(request);
        Assert.False(File.Exists(Path.Combine(Destination, "fox.mp4.json")));

        using VideoConverter converter = Converter(new ConversionOptions { Save = Save(), WritesSidecar = true });
        await MadeAsync(converter, request);

        KlingVideoTask task = Assert.Single(await _harness.ListAsync());
        string sidecar = await File.ReadAllTextAsync(Path.Combine(Destination, "fox.mp4.json"));
        Assert.All([task.TaskId!, task.SourceHash!, task.SavedHash!, request.Spec.Prompt!], text => Assert.Contains(text, sidecar, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_video_comes_out_whose_sidecar_would_replace_a_file_of_the_user_s()
    {
        Directory.CreateDirectory(Destination);
        string theirs = Path.Combine(Destination, "fox.mp4.json");
        _harness.Makes = taskId =>
        {
            // The user puts it there while the video is made; what is there before keeps it from being bought.
            File.WriteAllText(theirs, "mine");
            return PipelineHarness.Succeeded(taskId);
        };
        using VideoConverter converter = Converter(new ConversionOptions { Save = Save(), WritesSidecar = true });

        Outcome<ConversionItem, SavedVideo> outcome = Assert.Single(await RunAsync(converter, _harness.Submission("fox.png")));

        Assert.Equal(ErrorKind.FileExists, outcome.Error!.Kind);
        Assert.Equal("mine", await File.ReadAllTextAsync(theirs));
        Assert.Equal((1, 0), (converter.Counts.Made, converter.Counts.Failed));
        Assert.Empty(converter.Unfinished);
    }

    [Fact]
    public async Task An_image_that_cannot_be_uploaded_keeps_no_other_from_being_bought()
    {
        string? bad = null;
        _harness.Service.On(FakeService.UploadPath, async (request, cancellationToken) =>
        {
            await request.ReadAsync(cancellationToken);
            string name = Regex.Match(Encoding.Latin1.GetString(request.Body), "[0-9a-f]{64}").Value;
            bad ??= name;
            return name == bad ? new HttpResponseMessage(HttpStatusCode.BadGateway) : await PipelineHarness.AcceptUpload(request, cancellationToken);
        });
        using VideoConverter converter = Converter();

        Outcome<ConversionItem, SavedVideo>[] outcomes = await RunAsync(converter, _harness.Submission("a.png"), _harness.Submission("b.png", 1), _harness.Submission("c.png", 2));

        Assert.Equal(ErrorKind.ServiceUnavailable, Assert.Single(outcomes, outcome => outcome.Error is not null).Error!.Kind);
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task An_image_over_the_limit_gets_the_video_that_was_bought_for_another_of_the_same_content()
    {
        using VideoConverter converter = Converter();
        var budget = new BudgetLimit { RunId = "run", MaxTasks = 1 };

        string[] videos = await MadeAsync(converter, [.. new[] { "a.png", "b.png", "c.png" }.Select(name => _harness.Submission(name) with { Budget = budget })]);

        Assert.Equal(["a.mp4", "b.mp4", "c.mp4"], videos);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task A_refusal_of_one_image_is_its_own()
    {
        _harness.Service.On(FakeService.CreatePath, async (request, cancellationToken) =>
        {
            await request.ReadAsync(cancellationToken);
            return await (request.Text.Contains("wrong", StringComparison.Ordinal) ? Replies.Code(422, "No.") : _harness.AcceptTask)(request, cancellationToken);
        });
        using VideoConverter converter = Converter();

        Outcome<ConversionItem, SavedVideo>[] outcomes = await RunAsync(
            converter, _harness.Submission("a.png", 1), _harness.Submission("b.png", 2).Asking(spec => spec with { Prompt = "wrong" }), _harness.Submission("c.png", 3), _harness.Submission("none.png", 4).Asking(spec => spec with { Image = MediaSource.FromFile("/nowhere/fox.png") }));

        Assert.Equal([null, ErrorKind.RequestInvalid, null, ErrorKind.PathNotFound], outcomes.Select(outcome => outcome.Error?.Kind));
    }

    /// <summary>Counts down, and is awaited.</summary>
    private sealed class CountdownEventAsync(int count)
    {
        private readonly TaskCompletionSource _zero = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _count = count;

        public Task Task => _zero.Task;

        public void Signal()
        {
            if (Interlocked.Decrement(ref _count) == 0)
            {
                _zero.SetResult();
            }
        }
    }
}
