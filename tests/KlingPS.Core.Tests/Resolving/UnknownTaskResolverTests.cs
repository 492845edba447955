using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Resolving;

/// <summary>Requests whose response was lost, and which the user has found at the service.</summary>
public sealed class UnknownTaskResolverTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    [Theory]
    [InlineData(false, KlingTaskState.Generating)]
    [InlineData(true, KlingTaskState.Failed)]
    public async Task A_task_that_was_looked_up_before_is_what_the_service_says_it_is_now(bool wasTakenUpAgain, KlingTaskState now)
    {
        var boat = new VideoSpec { Prompt = "A boat.", Image = MediaSource.FromUri("https://uploads.example/boat.webp") };
        KlingVideoTask begun = await _harness.Ledger.Tasks.BeginAsync(
            new TaskIntent { Account = _harness.Session.Account, Spec = boat, Identity = "boat", Credits = 42 }, CancellationToken.None);
        KlingVideoTask lost = await _harness.Ledger.Tasks.LoseAsync(begun.Id);
        KlingVideoTask looked = await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, TempLedger.Snapshot("t1", KlingTaskState.Failed));
        if (wasTakenUpAgain)
        {
            await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, TempLedger.Snapshot("t1", KlingTaskState.Generating).After(looked));
        }

        string state = wasTakenUpAgain ? "fail" : "generating";
        _harness.Tasks["t1"] = Replies.Data($$$"""
            {"taskId":"t1","state":"{{{state}}}","param":"{\"input\":{\"prompt\":\"A boat.\",\"image_url\":\"https://uploads.example/boat.webp\"}}"}
            """);
        KlingVideoTask resolved = await _harness.Clock.RunAsync(new UnknownTaskResolver(_harness.NewService()).ResolveAsync(lost, "t1", CancellationToken.None));

        Assert.Equal((lost.Id, "t1", now), (resolved.Id, resolved.TaskId, resolved.TaskState));
    }
}
