using KlingPS.Core.Model;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Submitting;

/// <summary>Purchases at a service whose answers are none.</summary>
public sealed class HostilePurchaseTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    [Theory]
    [InlineData("-1000")]
    [InlineData("1e16")]
    [InlineData("1e27")]
    [InlineData("\"-1e300\"")]
    [InlineData("42,\"creditsConsumed\":-42")]
    public async Task No_price_that_the_service_tells_lets_more_be_bought_than_the_day_s_cap_or_ends_the_run(string credits)
    {
        _harness.Session.DailyCreditCap = 50;
        var errors = new List<KlingException>();
        for (uint i = 0; i < 4; i++)
        {
            // A new command for each, as in runs on one day.
            var submitter = new VideoSubmitter(_harness.NewService());
            Outcome<Submission, KlingVideoTask> outcome = await _harness.SubmitAsync(submitter, _harness.Submission($"{i}.png", i));
            if (outcome.Error is not null)
            {
                errors.Add(outcome.Error);
                continue;
            }

            string taskId = outcome.Value!.TaskId!;
            _harness.Tasks[taskId] = Replies.Data($$"""{"taskId":"{{taskId}}","state":"success","creditsConsumed":{{credits}},"resultJson":"{\"resultUrls\":[\"https://videos.example/1.mp4\"]}"}""");
            TaskSnapshot snapshot = await _harness.Clock.RunAsync(_harness.NewService().Client.QueryTaskAsync(taskId, CancellationToken.None));
            await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, snapshot);
        }

        Assert.Equal(1, _harness.Creates);
        Assert.All(errors, error => Assert.Equal(ErrorKind.BudgetExceeded, error.Kind));
        Assert.Equal(42, Assert.Single(await _harness.ListAsync()).CreditsConsumed);
    }

    [Fact]
    public async Task A_site_that_answers_every_request_with_its_page_leaves_one_purchase_unknown_and_ends_the_batch()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Html(200));
        var submitter = new VideoSubmitter(_harness.NewService());

        KlingException first = (await _harness.SubmitAsync(submitter, _harness.Submission("a.png", 1))).Error!;
        KlingException second = (await _harness.SubmitAsync(submitter, _harness.Submission("b.png", 2))).Error!;

        Assert.Equal((ErrorKind.AttemptUnknown, ErrorKind.AnswerInvalid, true), (first.Kind, second.Kind, second.IsFatal));
        Assert.Contains("is a web page", second.Message, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Creates);
    }

    [Theory]
    [InlineData("https://user:hunter2@images.example/fox.png", "has a user name or password in it")]
    [InlineData("http://localhost/fox.png", "leads to this machine itself, where the service cannot reach it")]
    [InlineData("https://10.1.2.3/fox.png", "leads into a private network, where the service cannot reach it")]
    public async Task An_image_or_a_callback_that_the_service_could_not_reach_is_refused_before_anything_is_sent(string address, string problem)
    {
        var submitter = new VideoSubmitter(_harness.NewService());
        Submission[] submissions =
        [
            Submissions.FromUri(address, "It runs."),
            _harness.Submission("fox.png").Asking(spec => spec with { TailImage = MediaSource.FromUri(address) }),
            _harness.Submission("fox.png").Asking(spec => spec with { CallbackUri = address }),
        ];
        foreach (Submission submission in submissions)
        {
            KlingException error = (await _harness.SubmitAsync(submitter, submission)).Error!;

            Assert.Equal((ErrorKind.RequestInvalid, false), (error.Kind, error.IsFatal));
            Assert.Contains(problem, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
        }

        Assert.Empty(_harness.Service.Requests);
    }
}
