using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Resolving;

/// <summary>Tasks that the service has accepted and does not know any more.</summary>
public sealed class ForgottenTaskTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private Task<KlingVideoTask> ForgetAsync(KlingVideoTask task, KlingSession? session = null)
        => _harness.Clock.RunAsync(new UnknownTaskResolver(session is null ? _harness.NewService() : new KlingService(session, _harness.Observer)).ForgetAsync(task, CancellationToken.None));

    private async Task<KlingVideoTask> AcceptedLongAgoAsync()
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Clock.Advance(TimeSpan.FromDays(1));
        return task;
    }

    private async Task<KlingVideoTask> RecordAsync() => Assert.Single(await _harness.ListAsync());

    [Fact]
    public async Task A_task_that_the_service_has_forgotten_can_be_given_up_and_its_credits_stay_spent()
    {
        KlingVideoTask task = await AcceptedLongAgoAsync();

        KlingVideoTask forgotten = await ForgetAsync(task);

        Assert.Equal((task.Id, "a", KlingTaskState.Abandoned, 0m, 42m), (forgotten.Id, forgotten.TaskId, forgotten.TaskState, forgotten.CreditsReserved, forgotten.CreditsConsumed));
        Assert.Contains("did not know the task any more", forgotten.FailMessage, StringComparison.Ordinal);
        Assert.Equal(forgotten, await RecordAsync());
        Assert.Equal(1, _harness.Queries);
    }

    [Fact]
    public async Task A_task_that_the_service_knows_is_not_given_up()
    {
        KlingVideoTask task = await AcceptedLongAgoAsync();
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ForgetAsync(task));

        Assert.Equal((ErrorKind.RequestInvalid, task.Id), (error.Kind, error.TaskNumber));
        Assert.Contains("which is Succeeded. Nothing was given up.", error.Message, StringComparison.Ordinal);
        Assert.Equal(KlingTaskState.Succeeded, (await RecordAsync()).TaskState);
    }

    [Fact]
    public async Task A_task_that_the_service_says_nothing_about_is_not_given_up_and_stays_as_it_was()
    {
        KlingVideoTask task = await AcceptedLongAgoAsync();
        await _harness.Ledger.Tasks.RecordSnapshotAsync(task.Account, new TaskSnapshot { TaskId = "a", State = KlingTaskState.Generating });
        _harness.Tasks["a"] = Replies.Data("null");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ForgetAsync(task with { TaskState = KlingTaskState.Generating }));

        Assert.Contains("The service does not say that it no longer knows task 1 ('/images/a.png'), which is Generating.", error.Message, StringComparison.Ordinal);
        Assert.Equal(KlingTaskState.Generating, (await RecordAsync()).TaskState);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"taskId":"mistyped"}""")]
    [InlineData("""{"taskId":null,"state":null,"failCode":null,"resultJson":null}""")]
    public async Task An_id_that_the_service_says_nothing_about_is_not_recorded_as_a_task_that_is_being_made(string data)
    {
        _harness.Tasks["mistyped"] = Replies.Data(data);

        KlingException error = await Assert.ThrowsAnyAsync<KlingException>(
            () => _harness.Clock.RunAsync(new TaskFinder(_harness.NewService()).FindAsync(new TaskReference { TaskId = "mistyped" }, CancellationToken.None)));

        Assert.Equal(ErrorKind.TaskNotFound, error.Kind);
        Assert.Empty(await _harness.ListAsync());
    }

    public static TheoryData<string, int> Faults => new()
    {
        { nameof(ErrorKind.Unauthorized), 401 },
        { nameof(ErrorKind.TaskNotFound), 404 },
        { nameof(ErrorKind.RequestInvalid), 422 },
        { nameof(ErrorKind.ServiceUnavailable), 455 },
        { nameof(ErrorKind.ServiceUnavailable), 500 },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_task_is_not_given_up_where_the_service_does_not_say_that_it_knows_no_such_task(string kind, int code)
    {
        KlingVideoTask task = await AcceptedLongAgoAsync();
        _harness.Tasks["a"] = Replies.Code(code, "Something else is wrong.");

        KlingException error = await Assert.ThrowsAnyAsync<KlingException>(() => ForgetAsync(task));

        Assert.Equal(kind, error.Kind.ToString());
        Assert.Equal(task, await RecordAsync());
    }

    [Fact]
    public async Task A_task_of_another_account_is_not_said_to_be_missing_from_the_ledger()
    {
        KlingVideoTask task = await AcceptedLongAgoAsync();
        await using KlingSession other = _harness.OpenSession("another-key-9b2e6f");

        KlingException waited = await Assert.ThrowsAsync<KlingException>(() => new TaskFinder(new KlingService(other, null)).FindAsync(new TaskReference { Task = task }, default));
        KlingException recorded = await Assert.ThrowsAsync<KlingException>(() => new RecordedTasks(other.Ledger, other.Account).FindAsync(new TaskReference { Task = task }, default));

        Assert.All([waited, recorded], error => Assert.Equal(
            (ErrorKind.TaskNotFound, $"Task {task.Id} ('{task.Subject}') was requested with another key than the one you are connected with."), (error.Kind, error.Message)));
    }

    [Fact]
    public async Task A_task_is_not_given_up_with_the_key_of_another_account_which_is_not_even_asked()
    {
        KlingVideoTask task = await AcceptedLongAgoAsync();
        await using KlingSession other = _harness.OpenSession("another-key-9b2e6f");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ForgetAsync(task, other));

        Assert.Equal(ErrorKind.TaskNotFound, error.Kind);
        Assert.Contains("was requested with another key", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, _harness.Queries);
        Assert.Equal(task, await RecordAsync());
    }

    [Fact]
    public async Task A_task_that_was_bought_a_moment_ago_is_not_given_up_as_the_service_may_not_know_it_yet()
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ForgetAsync(task));

        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains("try again in a minute", error.Message, StringComparison.Ordinal);
        Assert.Equal(task, await RecordAsync());
    }

    [Fact]
    public async Task A_task_that_was_accepted_a_moment_ago_after_its_request_had_waited_for_long_is_not_given_up()
    {
        KlingVideoTask began = await _harness.BeganAsync("/images/a.png");
        _harness.Clock.Advance(TimeSpan.FromMinutes(5));
        KlingVideoTask task = await _harness.Ledger.Tasks.AcceptAsync(began.Id, "a");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ForgetAsync(task));

        Assert.Contains("try again in a minute", error.Message, StringComparison.Ordinal);
        Assert.Equal(task, await RecordAsync());
    }

    [Fact]
    public async Task A_task_of_which_another_shell_has_learnt_the_end_meanwhile_is_not_given_up()
    {
        KlingVideoTask task = await AcceptedLongAgoAsync();
        _harness.Tasks["a"] = async (request, cancellationToken) =>
        {
            await _harness.Ledger.OfOtherProcess.Tasks.RecordSnapshotAsync(_harness.Session.Account, new TaskSnapshot { TaskId = "a", State = KlingTaskState.Succeeded });
            return await Replies.Code(422, "recordInfo is null")(request, cancellationToken);
        };

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ForgetAsync(task));

        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains("has become Succeeded in the meantime", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_task_that_the_service_knows_again_is_open_again_when_it_is_asked_for()
    {
        KlingVideoTask forgotten = await ForgetAsync(await AcceptedLongAgoAsync());
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");

        KlingVideoTask known = await _harness.Clock.RunAsync(new TaskFinder(_harness.NewService()).RefreshAsync(forgotten, CancellationToken.None));

        Assert.Equal((forgotten.Id, KlingTaskState.Succeeded, 42m), (known.Id, known.TaskState, known.CreditsConsumed));
    }

    [Fact]
    public async Task An_image_whose_task_was_forgotten_is_bought_again_only_when_its_user_says_so()
    {
        var submitter = new VideoSubmitter(_harness.NewService());
        Submission wanted = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask task = (await _harness.SubmitAsync(submitter, wanted)).Value!;
        _harness.Clock.Advance(TimeSpan.FromDays(70));
        await ForgetAsync(task);

        foreach (Submission again in (Submission[])[wanted, wanted with { RetryFailed = true }])
        {
            KlingException refused = (await _harness.SubmitAsync(submitter, again)).Error!;
            Assert.Equal((ErrorKind.TaskNotFound, task.Id), (refused.Kind, refused.TaskNumber));
            Assert.Contains("which the service has forgotten and you have given up", refused.Message, StringComparison.Ordinal);
            Assert.Contains("New-KlingVideoTask", refused.Advice, StringComparison.Ordinal);
        }

        Assert.Equal(1, _harness.Creates);
        KlingVideoTask bought = (await _harness.SubmitAsync(submitter, wanted with { ReusePurchase = false })).Value!;

        Assert.Equal(2, _harness.Creates);
        Assert.Equal(bought.Id, (await _harness.SubmitAsync(submitter, wanted)).Value!.Id);
        Assert.Equal(2, _harness.Creates);
    }

    [Fact]
    public async Task A_forgotten_task_is_not_bought_again_because_another_one_of_the_same_video_has_failed()
    {
        var submitter = new VideoSubmitter(_harness.NewService());
        Submission wanted = _harness.Submission("fox.png") with { ReusePurchase = true };
        KlingVideoTask forgotten = (await _harness.SubmitAsync(submitter, wanted)).Value!;
        _harness.Clock.Advance(TimeSpan.FromDays(70));
        await ForgetAsync(forgotten);
        KlingVideoTask failed = (await _harness.SubmitAsync(submitter, wanted with { ReusePurchase = false })).Value!;
        await _harness.Ledger.Tasks.RecordSnapshotAsync(failed.Account, new TaskSnapshot { TaskId = failed.TaskId!, State = KlingTaskState.Failed });
        _harness.Tasks[failed.TaskId!] = PipelineHarness.Failed("501", "no video");

        KlingException refused = (await _harness.SubmitAsync(submitter, wanted with { RetryFailed = true })).Error!;

        Assert.Equal((ErrorKind.TaskNotFound, forgotten.Id, 2), (refused.Kind, refused.TaskNumber, _harness.Creates));
    }

    [Fact]
    public async Task A_task_that_was_accepted_is_not_resolved_in_another_way_and_the_error_says_which_there_is()
    {
        KlingVideoTask task = await AcceptedLongAgoAsync();

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => UnknownTaskResolver.RequireUnknownAsync(_harness.Session.Ledger.Tasks, task, default));

        Assert.EndsWith("If the service does not know it any more, -Abandon gives it up.", error.Message, StringComparison.Ordinal);
        Assert.True(UnknownTaskResolver.MayBeForgotten(task));
        Assert.False(UnknownTaskResolver.MayBeForgotten(await ForgetAsync(task)));
    }
}
