using KlingPS.Core.Converting;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Converting;

/// <summary>The ledger goes away while a command is at work, as a database server can.</summary>
public sealed class LostLedgerTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new(keeps: true);

    public LostLedgerTests() => _harness.Makes = PipelineHarness.Succeeded;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Destination => Path.Combine(_harness.Folder, "videos");

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    /// <summary>From the first call of a method of the journal on, the ledger cannot be reached; what is kept on this machine is.</summary>
    private void LoseLedgerAt(string method) => LoseLedgerAt(name => name == method);

    private void LoseLedgerAt(Predicate<string> isHere)
    {
        bool isLost = false;
        _harness.Ledger.BeforeGate = () => Require(isLost);
        _harness.Ledger.BeforeCall = name =>
        {
            isLost |= isHere(name);
            Require(isLost && name is not (nameof(ITaskJournal.KeepAsync) or nameof(ITaskJournal.Disown)));
        };

        static void Require(bool isLost)
        {
            if (isLost)
            {
                throw new KlingException(ErrorKind.LedgerUnusable, "The ledger cannot be reached.");
            }
        }
    }

    private void FindLedger() => (_harness.Ledger.BeforeCall, _harness.Ledger.BeforeGate) = (null, null);

    private Task<Outcome<ConversionItem, SavedVideo>[]> ConvertAsync(params Submission[] submissions) => ConvertAsync(accept: null, submissions);

    private async Task<Outcome<ConversionItem, SavedVideo>[]> ConvertAsync(Action<ConversionItem[]>? accept, Submission[] submissions)
    {
        using var converter = new VideoConverter(_harness.NewService(), new ConversionOptions { Save = new SaveOptions { Destination = Destination } });
        ConversionItem[] items = [.. submissions.Select(converter.Accept).OfType<ConversionItem>()];
        accept?.Invoke(items);
        return await _harness.Clock.RunAsync(Task.WhenAll(items.Select(item => Task.Run(() => converter.ConvertAsync(item, CancellationToken.None), CancellationToken.None))));
    }

    [Fact]
    public async Task Before_the_request_leaves_nothing_is_bought()
    {
        LoseLedgerAt(nameof(ITaskJournal.ClaimAsync));

        Outcome<ConversionItem, SavedVideo> outcome = Assert.Single(await ConvertAsync(_harness.Submission("fox.png")));

        Assert.Equal((ErrorKind.LedgerUnusable, 0), (outcome.Error!.Kind, _harness.Creates));
        Assert.False(_harness.Ledger.Spool.HasAny);
    }

    [Fact]
    public async Task After_it_the_purchase_is_kept_and_the_next_command_records_it_and_buys_nothing_again()
    {
        Submission submission = _harness.Submission("fox.png");
        LoseLedgerAt(nameof(ITaskJournal.RecordAcceptedAsync));

        Outcome<ConversionItem, SavedVideo> lost = Assert.Single(await ConvertAsync(submission));

        Assert.Equal((ErrorKind.LedgerUnusable, 1), (lost.Error!.Kind, _harness.Creates));
        Assert.True(_harness.Ledger.Spool.HasAny);
        Assert.Contains($"kept in '{_harness.Ledger.Spool.Folder}'", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);

        FindLedger();
        Outcome<ConversionItem, SavedVideo> next = Assert.Single(await ConvertAsync(submission));

        Assert.True(next.Error is null, next.Error?.ToString());
        Assert.Equal((1, false), (_harness.Creates, _harness.Ledger.Spool.HasAny));
        Assert.Equal("task-1", next.Value!.Task.TaskId);
    }

    [Fact]
    public async Task A_submission_whose_purchase_is_kept_gives_its_task_and_the_error_and_nothing_more_is_sent()
    {
        LoseLedgerAt(nameof(ITaskJournal.RecordAcceptedAsync));
        var submitter = new VideoSubmitter(_harness.NewService());

        Outcome<Submission, KlingVideoTask> first = await _harness.SubmitAsync(submitter, _harness.Submission("fox.png"));
        Outcome<Submission, KlingVideoTask> second = await _harness.SubmitAsync(submitter, _harness.Submission("hare.png", 1));

        Assert.Equal(("task-1", KlingTaskState.Waiting), (first.Value!.TaskId, first.Value.TaskState));
        Assert.Equal((ErrorKind.LedgerUnusable, ErrorKind.LedgerUnusable, 1), (first.Error!.Kind, second.Error!.Kind, _harness.Creates));
        Assert.Contains("the next command on this machine that reaches the ledger records it", first.Error.Message, StringComparison.Ordinal);
        Assert.Null(second.Value);
    }

    [Theory]
    [InlineData(nameof(ITaskJournal.RecordSavingAsync))]
    [InlineData(nameof(ITaskJournal.RecordSavedAsync))]
    public async Task A_download_is_finished_and_the_command_ends_with_an_error(string lostAt)
    {
        Submission submission = _harness.Submission("fox.png");
        LoseLedgerAt(lostAt);

        Outcome<ConversionItem, SavedVideo> lost = Assert.Single(await ConvertAsync(submission));

        Assert.Equal(ErrorKind.LedgerUnusable, lost.Error!.Kind);
        Assert.True(File.Exists(Path.Combine(Destination, "fox.mp4")));
        Assert.Equal(Path.Combine(Destination, "fox.mp4"), lost.Value!.Path);
        Assert.Empty(Directory.GetFiles(Destination, "*.partial*"));

        FindLedger();
        KlingVideoTask task = Assert.Single(await _harness.ListAsync());
        Assert.Equal(Path.Combine(Destination, "fox.mp4"), task.SavedPath);
        Outcome<ConversionItem, SavedVideo> next = Assert.Single(await ConvertAsync(submission));
        Assert.Equal((null, 1, 1), (next.Error, _harness.Creates, _harness.Videos.Requests.Count));
    }

    [Fact]
    public async Task A_refusal_that_could_not_be_recorded_sets_nothing_aside_later()
    {
        _harness.Service.On(Api.FakeService.CreatePath, Api.Replies.Code(422, "The prompt is not allowed."));
        LoseLedgerAt(nameof(ITaskJournal.RecordRejectedAsync));
        await ConvertAsync(_harness.Submission("fox.png"));

        FindLedger();

        KlingVideoTask task = Assert.Single(await _harness.ListAsync());
        Assert.Equal((KlingTaskState.Rejected, 0m), (task.TaskState, task.CreditsReserved));
    }

    [Fact]
    public async Task The_videos_that_are_made_are_brought_to_disk_and_the_others_are_pending_and_nothing_more_is_bought()
    {
        const int Images = 6;
        _harness.Makes = id => id is "task-1" or "task-2" ? PipelineHarness.Succeeded(id) : PipelineHarness.Generating;
        int accepted = 0;
        LoseLedgerAt(name => name == nameof(ITaskJournal.RecordAcceptedAsync) && ++accepted == Images - 1);
        Submission[] submissions = [.. Enumerable.Range(0, Images).Select(i => _harness.Submission($"image-{i}.png", (uint)i))];

        ConversionItem[] items = [];
        Outcome<ConversionItem, SavedVideo>[] lost = await ConvertAsync(accept: converted => items = converted, submissions);

        Assert.Equal(["task-1.mp4", "task-2.mp4"], _harness.Videos.Requests.Select(request => Path.GetFileName(request.RequestUri!.AbsolutePath)).Order());
        Assert.Equal(2, Directory.GetFiles(Destination, "*.mp4").Length);
        Assert.All(lost, outcome => Assert.True(outcome.Error is { Kind: ErrorKind.LedgerUnusable } || (outcome.Error is null && outcome.Value is not null)));
        Assert.Equal(2, items.Count(item => item.Progress!.Result == RunItemResult.Made));
        Assert.Equal(_harness.Creates - 2, items.Count(item => item.Progress!.Result == RunItemResult.Pending));

        FindLedger();
        _harness.Makes = PipelineHarness.Succeeded;
        foreach (string id in _harness.Tasks.Keys)
        {
            _harness.Tasks[id] = PipelineHarness.Succeeded(id);
        }

        Outcome<ConversionItem, SavedVideo>[] next = await ConvertAsync(submissions);

        Assert.All(next, outcome => Assert.True(outcome.Error is null, outcome.Error?.ToString()));
        Assert.Equal((Images, Images, Images), (_harness.Creates, Directory.GetFiles(Destination, "*.mp4").Length, _harness.Videos.Requests.Count));
    }

    [Theory]
    [InlineData(nameof(ITaskJournal.RecordAcceptedAsync), true)]
    [InlineData(nameof(ITaskJournal.RecordAcceptedAsync), false)]
    [InlineData(nameof(ITaskJournal.RecordSnapshotAsync), true)]
    [InlineData(nameof(ITaskJournal.RecordSnapshotAsync), false)]
    public async Task What_was_seen_of_a_task_while_the_database_was_gone_is_recorded_when_it_is_back(string lostAt, bool isMade)
    {
        _harness.Makes = isMade ? PipelineHarness.Succeeded : _ => PipelineHarness.Failed("501", "The service is overloaded.");
        Submission submission = _harness.Submission("fox.png");
        LoseLedgerAt(lostAt);
        await ConvertAsync(submission);
        Assert.Equal((1, isMade), (_harness.Creates, File.Exists(Path.Combine(Destination, "fox.mp4"))));

        FindLedger();
        int queries = _harness.Queries;

        KlingVideoTask task = Assert.Single(await _harness.ListAsync());
        Assert.Equal(
            isMade
                ? (KlingTaskState.Succeeded, submission.Spec.GetCredits(), "https://videos.example/task-1.mp4", Path.Combine(Destination, "fox.mp4"), null)
                : (KlingTaskState.Failed, 0, null, null, "501"),
            (task.TaskState, task.CreditsConsumed, task.ResultUri, task.SavedPath, task.FailCode));
        Assert.NotNull(task.CompletedAt);
        KlingSpend spent = Assert.Single(await _harness.Ledger.Spending.SumAsync(new SpendFilter(), KlingSpendGroup.Day, Token));
        Assert.Equal((0, 0m, isMade ? 1 : 0, isMade ? 0 : 1), (spent.Pending, spent.CreditsReserved, spent.Videos, spent.Failures));
        Assert.Equal((queries, false), (_harness.Queries, _harness.Ledger.Spool.HasAny));
    }

    [Theory]
    [InlineData(KlingTaskState.Succeeded)]
    [InlineData(KlingTaskState.Failed)]
    public async Task What_a_wait_has_seen_while_the_database_was_gone_is_recorded_when_it_is_back(KlingTaskState end)
    {
        KlingVideoTask task = await _harness.AcceptedAsync("task-1");
        _harness.Tasks["task-1"] = end == KlingTaskState.Succeeded ? PipelineHarness.Succeeded("task-1") : PipelineHarness.Failed("501", "The service is overloaded.");
        LoseLedgerAt(nameof(ITaskJournal.RecordSnapshotAsync));
        using (var waiter = new TaskWaiter(_harness.NewService(), pollingInterval: null))
        {
            var ended = Assert.IsType<WaitResult.Ended>(await _harness.Clock.RunAsync(waiter.WaitAsync(task, timeout: null, CancellationToken.None)));
            Assert.Equal(end, ended.Task.TaskState);
        }

        FindLedger();

        task = Assert.Single(await _harness.ListAsync());
        Assert.Equal((end, 0m), (task.TaskState, task.CreditsReserved));
    }

    [Fact]
    public async Task A_video_that_was_saved_while_the_database_was_gone_is_made_even_if_the_record_of_that_was_lost_with_the_server()
    {
        KlingVideoTask accepted = await _harness.AcceptedAsync("task-1");
        KlingVideoTask made = accepted.Observed(
            new TaskSnapshot { TaskId = "task-1", State = KlingTaskState.Succeeded, ResultUris = ["https://videos.example/task-1.mp4"] },
            _harness.Clock.GetUtcNow());
        LoseLedgerAt(_ => true);
        var saver = new VideoSaver(_harness.NewService(), new SaveOptions { Destination = Destination });
        Outcome<TaskReference, SavedVideo> outcome = await _harness.Clock.RunAsync(saver.SaveAsync(new TaskReference { Task = made }, CancellationToken.None));

        FindLedger();

        KlingVideoTask task = Assert.Single(await _harness.ListAsync());
        Assert.Equal((KlingTaskState.Succeeded, outcome.Value!.Path, 42m, 0m), (task.TaskState, task.SavedPath, task.CreditsConsumed, task.CreditsReserved));
    }

    [Fact]
    public async Task Of_images_that_were_not_bought_it_is_said_that_this_command_bought_nothing_for_them()
    {
        LoseLedgerAt(nameof(ITaskJournal.ClaimAsync));

        Outcome<ConversionItem, SavedVideo> outcome = Assert.Single(await ConvertAsync(_harness.Submission("fox.png")));

        Assert.EndsWith($"This command bought nothing for '{outcome.Item.Submission.Subject}'.", outcome.Error!.Message, StringComparison.Ordinal);
        Assert.Equal(RunItemResult.Failed, outcome.Item.Progress!.Result);
    }

    [Fact]
    public async Task A_video_that_is_known_to_be_made_is_saved_although_the_ledger_cannot_be_read()
    {
        KlingVideoTask task = await _harness.FinishedAsync("task-1");
        LoseLedgerAt(_ => true);
        var saver = new VideoSaver(_harness.NewService(), new SaveOptions { Destination = Destination });

        Outcome<TaskReference, SavedVideo> outcome = await _harness.Clock.RunAsync(saver.SaveAsync(new TaskReference { Task = task }, CancellationToken.None));

        Assert.Equal(ErrorKind.LedgerUnusable, outcome.Error!.Kind);
        Assert.True(File.Exists(outcome.Value!.Path));
        FindLedger();
        Assert.Equal(outcome.Value.Path, Assert.Single(await _harness.ListAsync()).SavedPath);
    }

    [Fact]
    public async Task Of_videos_that_are_not_known_to_be_made_a_lost_ledger_is_asked_once()
    {
        KlingVideoTask task = await _harness.FinishedAsync("task-1");
        int asked = 0;
        LoseLedgerAt(_ => ++asked > 0);
        var saver = new VideoSaver(_harness.NewService(), new SaveOptions { Destination = Destination });
        var reference = new TaskReference { Task = task with { ResultUri = null } };

        Outcome<TaskReference, SavedVideo> first = await _harness.Clock.RunAsync(saver.SaveAsync(reference, CancellationToken.None));
        int once = asked;
        Outcome<TaskReference, SavedVideo> second = await _harness.Clock.RunAsync(saver.SaveAsync(reference, CancellationToken.None));

        Assert.Equal((ErrorKind.LedgerUnusable, ErrorKind.LedgerUnusable), (first.Error!.Kind, second.Error!.Kind));
        Assert.Equal((once, true), (asked, once > 0));
    }
}
