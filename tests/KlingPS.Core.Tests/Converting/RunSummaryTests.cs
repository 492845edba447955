using KlingPS.Core.Converting;
using KlingPS.Core.Reporting;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Tests.Submitting;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Converting;

/// <summary>What a run says that it has spent while one of its requests has no response.</summary>
public sealed class RunSummaryTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new() { Makes = PipelineHarness.Succeeded };
    private readonly ConversionBook _book = new("run", report: null);
    private readonly TaskCompletionSource _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _hasLeft = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RunSummaryTests()
    {
        _harness.Service.On(FakeService.CreatePath, async (request, token) =>
        {
            _hasLeft.TrySetResult();
            await _answer.Task;
            return await _harness.AcceptTask(request, token);
        });
    }

    public async ValueTask DisposeAsync()
    {
        _answer.TrySetResult();
        await _harness.DisposeAsync();
    }

    [Fact]
    public async Task What_is_set_aside_for_copies_of_an_image_counts_once_if_the_run_is_stopped_while_they_wait_for_one_response()
    {
        using VideoConverter converter = Converter();
        using var stop = new CancellationTokenSource();
        ConversionInput[] inputs = [.. new[] { "a.png", "b.png", "c.png" }.Select(name => Add(converter, name))];
        Task[] converting = [.. inputs.Select(input => Task.Run(() => converter.ConvertAsync(input.Item!, stop.Token)))];
        await Eventually.TrueAsync(() => _hasLeft.Task.IsCompleted && inputs.All(input => input.Item!.Progress?.Identity is not null));
        await stop.CancelAsync();

        ConversionSummary summary = _book.Close(RunEnding.Stopped, null, converter)!;

        Assert.Equal((1, 42), (_harness.Creates, summary.Credits));
        Assert.All(summary.Items, item => Assert.Equal(1, item.Id));
        _answer.SetResult();
        await Task.WhenAll(converting.Select(task => task.ContinueWith(_ => { }, TaskScheduler.Default)));
    }

    [Fact]
    public async Task What_is_set_aside_for_a_request_that_has_no_response_when_time_is_up_counts()
    {
        using VideoConverter converter = Converter(TimeSpan.FromSeconds(10));
        ConversionInput input = Add(converter, "a.png");
        Task<Outcome<ConversionItem, SavedVideo>> converting = Task.Run(() => converter.ConvertAsync(input.Item!, CancellationToken.None));
        await Eventually.TrueAsync(() => _hasLeft.Task.IsCompleted);
        await Eventually.TrueAsync(() =>
        {
            _harness.Clock.Advance(TimeSpan.FromSeconds(1));
            return converting.IsCompleted;
        });
        _book.End(input, await converting);

        ConversionSummary summary = _book.Close(RunEnding.Complete, null, converter)!;

        RunItem item = Assert.Single(summary.Items);
        Assert.Equal((RunItemResult.Pending, 1, 42, 42), (item.What, item.Id, item.CreditsReserved, summary.Credits));
    }

    private VideoConverter Converter(TimeSpan? timeout = null)
        => new(_harness.NewService(), new ConversionOptions { Save = new SaveOptions { Destination = Path.Combine(_harness.Folder, "videos") }, Wait = new WaitOptions { Timeout = timeout } });

    private ConversionInput Add(VideoConverter converter, string image)
    {
        ConversionInput input = _book.Add(_harness.Image(image, 1), name: null);
        input.Item = converter.Accept(Submissions.FromFile(Path.Combine(_harness.Folder, image)) with { RunId = "run" });
        return input;
    }
}
