using KlingPS.Core.Files;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Resolving;

/// <summary>Requests whose response was lost, and whose record the ledger on a server has lost as well.</summary>
public sealed class LostRecordTests : IAsyncDisposable
{
    /// <summary>When what the service took counts as its price: since then it may have changed.</summary>
    private static readonly DateTimeOffset s_afterPrices = new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PipelineHarness _harness = new(keeps: true);

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private Task<Outcome<Submission, KlingVideoTask>> SubmitAsync(int take = 1)
    {
        Submission fox = _harness.Submission("fox.png") with { ReusePurchase = true };
        return _harness.Clock.RunAsync(
            new VideoSubmitter(_harness.NewService(isObserved: false)).SubmitAsync(fox with { Spec = fox.Spec with { Take = take } }, CancellationToken.None));
    }

    /// <summary>What this machine has kept of a request, in a ledger that has no record of it.</summary>
    private async Task LoseAsync(int take = 1)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)), Replies.Accepts("t2"));
        await SubmitAsync(take);
        KlingVideoTask lost = Assert.Single(await _harness.ListAsync());
        await _harness.Ledger.Tasks.AbandonAsync(lost.Id);
        await _harness.Ledger.Tasks.RemoveAsync(lost.Id);
        Assert.NotNull(await _harness.Ledger.Tasks.KeepAsync(SpooledAnswer.Unknown(lost, "The connection broke.")));
    }

    [Fact]
    public async Task An_image_that_may_be_paid_for_is_not_bought_again_after_an_older_backup_was_put_back()
    {
        await LoseAsync();

        KlingException error = (await SubmitAsync()).Error!;

        Assert.Equal((ErrorKind.AttemptUnknown, 1), (error.Kind, _harness.Creates));
        Assert.Contains("fox.png'", error.Message, StringComparison.Ordinal);
        Assert.Contains("it can be settled with -TaskId or -Abandon", error.Message, StringComparison.Ordinal);
        Assert.Equal(42, Assert.Single(await _harness.ListAsync()).CreditsReserved);
    }

    [Fact]
    public async Task It_can_be_given_up_but_not_bought_in_its_place_and_then_the_next_run_buys_it()
    {
        await LoseAsync();
        KlingVideoTask unknown = Assert.Single(await _harness.ListAsync());
        using var deadline = new Deadline(_harness.Clock, null);

        KlingException refusal = await Assert.ThrowsAsync<KlingException>(() => _harness.Clock.RunAsync(
            new UnknownTaskResolver(_harness.NewService(isObserved: false)).ResubmitAsync(unknown, deadline, CancellationToken.None)));
        Assert.Equal((ErrorKind.RequestInvalid, unknown.Id), (refusal.Kind, refusal.TaskNumber));
        Assert.Contains("does not know any more what was asked for", refusal.Message, StringComparison.Ordinal);

        await UnknownTaskResolver.AbandonAsync(_harness.Ledger.Tasks, unknown, default);
        Assert.Equal("t2", (await SubmitAsync()).Value?.TaskId);
    }

    [Fact]
    public async Task It_becomes_the_task_that_the_user_has_found_at_the_service()
    {
        await LoseAsync();
        KlingVideoTask unknown = Assert.Single(await _harness.ListAsync());
        _harness.Tasks["t1"] = Replies.Data(
            """
            {"taskId":"t1","state":"success","param":"{\"model\":\"kling/v2-5-turbo-image-to-video-pro\",\"input\":\"{\\\"prompt\\\":\\\"It moves.\\\"}\"}",
            "resultJson":"{\"resultUrls\":[\"https://videos.example/t1.mp4\"]}"}
            """);

        KlingVideoTask found = await _harness.Clock.RunAsync(new UnknownTaskResolver(_harness.NewService(isObserved: false)).ResolveAsync(unknown, "t1", CancellationToken.None));

        Assert.Equal((unknown.Id, "t1", KlingTaskState.Succeeded), (found.Id, found.TaskId, found.TaskState));
        Assert.Equal("t1", (await SubmitAsync()).Value?.TaskId);
        Assert.Equal(1, _harness.Creates);
    }

    [Theory]
    [InlineData(0, 1, true)]
    [InlineData(0, 2, true)]
    [InlineData(1, 1, false)]
    public async Task It_does_not_become_the_task_of_another_image_if_the_service_says_from_which_upload_that_was_made(uint image, int take, bool isIts)
    {
        await LoseAsync(take);
        KlingVideoTask unknown = Assert.Single(await _harness.ListAsync());
        string hash = await ContentHash.Sha256Async(_harness.Submission("other.png", image).Spec.Image!.Path!, CancellationToken.None);
        _harness.Tasks["t1"] = Replies.Data(
            $$$"""
            {"taskId":"t1","state":"success","param":"{\"model\":\"kling/v2-5-turbo-image-to-video-pro\",\"input\":{\"prompt\":\"A fox runs.\",
            \"image_url\":\"https://files.example/kieai/123456/klingps/{{{hash}}}.png\",\"duration\":\"5\",\"cfg_scale\":0.5,\"negative_prompt\":\"\"}}",
            "resultJson":"{\"resultUrls\":[\"https://videos.example/t1.mp4\"]}"}
            """.ReplaceLineEndings(string.Empty));

        Task<KlingVideoTask> resolving = _harness.Clock.RunAsync(new UnknownTaskResolver(_harness.NewService(isObserved: false)).ResolveAsync(unknown, "t1", CancellationToken.None));

        if (isIts)
        {
            Assert.Equal("t1", (await resolving).TaskId);
        }
        else
        {
            KlingException error = await Assert.ThrowsAsync<KlingException>(() => resolving);
            Assert.Contains("it was made from something else. Nothing was changed.", error.Message, StringComparison.Ordinal);
            Assert.Equal(KlingTaskState.Unknown, Assert.Single(await _harness.ListAsync()).TaskState);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_video_of_ten_seconds_is_waited_for_and_not_taken_for_the_video_of_something_else(bool isAccepted)
    {
        KlingVideoTask begun = await _harness.BeganAsync("/images/fox.png");
        await _harness.Ledger.Tasks.RecordRejectedAsync(begun, null, "no");
        await _harness.Ledger.Tasks.RemoveAsync(begun.Id);
        Assert.NotNull(await _harness.Ledger.Tasks.KeepAsync(isAccepted ? SpooledAnswer.Accepted(begun, "t1") : SpooledAnswer.Unknown(begun, "The connection broke.")));
        _harness.Tasks["t1"] = Replies.Data(
            """
            {"taskId":"t1","state":"generating",
            "param":"{\"model\":\"kling/v2-5-turbo-image-to-video-pro\",\"input\":\"{\\\"prompt\\\":\\\"It moves.\\\",\\\"duration\\\":\\\"10\\\"}\"}"}
            """);
        KlingService service = _harness.NewService(isObserved: false);
        KlingVideoTask known = Assert.Single(await _harness.ListAsync());
        known = isAccepted ? known : await _harness.Clock.RunAsync(new UnknownTaskResolver(service).ResolveAsync(known, "t1", CancellationToken.None));

        KlingVideoTask seen = await _harness.Clock.RunAsync(new TaskFinder(service).RefreshAsync(known, CancellationToken.None));

        Assert.Equal((KlingTaskState.Generating, "t1"), (seen.TaskState, seen.TaskId));
    }

    [Fact]
    public async Task What_it_cost_is_not_taken_for_the_price_of_other_videos_and_no_limit_is_passed_for_it()
    {
        // It was a video of a cheaper model, which the ledger does not know any more.
        await LoseAsync();
        await _harness.Ledger.Tasks.ResolveAsync(
            Assert.Single(await _harness.ListAsync()).Id,
            new TaskSnapshot { TaskId = "t1", State = KlingTaskState.Succeeded, CreditsConsumed = 25, CompletedAt = s_afterPrices });
        Submission bird = _harness.Submission("bird.png", 1) with { Budget = new BudgetLimit { RunId = "run", MaxCredits = 30 } };

        KlingException error = (await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService(isObserved: false)), bird)).Error!;

        Assert.Equal((ErrorKind.BudgetExceeded, 1), (error.Kind, _harness.Creates));
        Assert.Contains("A video for 42 credits", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_price_that_the_service_has_changed_stays_known_however_many_tasks_of_others_were_looked_at_since()
    {
        KlingVideoTask own = (await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService(isObserved: false)), _harness.Submission("bird.png", 1))).Value!;
        await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, Paid(own.TaskId!, 63));
        for (int i = 0; i < 250; i++)
        {
            await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, Paid($"other-{i}", 4));
        }

        Assert.Equal(63, (await _harness.NewService(isObserved: false).Prices.EstimateAsync(_harness.Submission("fox.png").Spec)).Credits);

        static TaskSnapshot Paid(string taskId, decimal credits)
            => new() { TaskId = taskId, State = KlingTaskState.Succeeded, CreditsConsumed = credits, CompletedAt = s_afterPrices };
    }

    [Fact]
    public async Task What_a_task_cost_of_which_the_service_does_not_say_what_it_was_made_from_is_no_price_either()
    {
        _harness.Clock.SetTimeOfDay(s_afterPrices - _harness.Clock.GetUtcNow());
        _harness.Tasks["t9"] = Replies.Data("""{"taskId":"t9","state":"success","creditsConsumed":4,"resultJson":"{\"resultUrls\":[\"https://videos.example/t9.mp4\"]}"}""");

        KlingVideoTask found = await _harness.Clock.RunAsync(new TaskFinder(_harness.NewService()).FindAsync(new TaskReference { TaskId = "t9" }, CancellationToken.None));

        Assert.Equal(4, found.CreditsConsumed);
        Assert.Empty(_harness.Observer.Warnings);
        Assert.Equal(42, (await _harness.NewService(isObserved: false).Prices.EstimateAsync(_harness.Submission("fox.png").Spec)).Credits);
    }
}
