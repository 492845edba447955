using KlingPS.Core.Converting;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Saving;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Tests.Submitting;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Converting;

/// <summary>Exceptions of every type, thrown at every place from which one can come after a video has been bought.</summary>
public sealed class ConversionExceptionTests : IAsyncDisposable
{
    /// <summary>Each place is given some of the exceptions, and all of them together are given all.</summary>
    private const int Places = 6;

    private readonly PipelineHarness _harness = new();
    private Exception? _current;
    private int _thrown;

    public ConversionExceptionTests()
    {
        _harness.Makes = PipelineHarness.Succeeded;
        _harness.Videos.ContentOf = uri => TestMp4.Create(3000, uri.AbsolutePath.Aggregate(17, (hash, character) => unchecked((hash * 31) + character)));
    }

    public static TheoryData<int, string> Seams => new()
    {
        { 0, "the connection for queries" },
        { 1, "the answer to a query" },
        { 2, "the connection to the video" },
        { 3, "the content of the video" },
        { 4, nameof(ITaskJournal.ClaimAsync) },
        { 5, nameof(ITaskJournal.RecordAcceptedAsync) },
        { 0, nameof(ITaskJournal.RecordSnapshotAsync) },
        { 1, nameof(ITaskJournal.RecordSavingAsync) },
        { 2, nameof(ITaskJournal.RecordSavedAsync) },
        { 3, nameof(ITaskJournal.FindCurrentAsync) },
        { 4, nameof(ITaskJournal.ListSavedPathsAsync) },
        { 5, nameof(ITaskJournal.FindEarlierAsync) },
    };

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    [Theory]
    [MemberData(nameof(Seams))]
    public async Task One_video_s_trouble_is_one_video_s_error_and_nothing_is_bought_twice(int place, string seam)
    {
        Arrange(seam);
        int number = 0;
        foreach (Exception exception in EveryException.Create().Where((_, index) => index % Places == place))
        {
            string bad = $"https://images.example/bad{++number}.png";
            using VideoConverter converter = Converter();
            (_current, _thrown) = (exception, 0);
            Outcome<ConversionItem, SavedVideo> outcome = await ConvertAsync(converter, bad);
            _current = null;
            string what = $"{exception.GetType()}: {outcome.Error?.Message}";
            Assert.Equal(outcome.Value is null, outcome.Error is not null);

            // What is said of money is true.
            bool isBought = (await _harness.ListAsync()).Any(task => task.Subject == bad && task.TaskId is not null);
            Assert.False(isBought && outcome.Error?.Message.Contains("Nothing was bought", StringComparison.Ordinal) == true, what);

            // The others go on, and the next run brings what is paid for.
            using VideoConverter next = Converter();
            _harness.Clock.Advance(TimeSpan.FromMinutes(1));
            Assert.Null((await ConvertAsync(next, $"https://images.example/good{number}.png")).Error);
            Outcome<ConversionItem, SavedVideo> again = await ConvertAsync(next, bad);
            Assert.True(again.Error is null || outcome.Error is { Kind: ErrorKind.AttemptUnknown }, $"{what} and then {again.Error?.Message}");
            Assert.All(await _harness.ListAsync(), task => Assert.NotEqual(KlingTaskState.Submitting, task.TaskState));
            Assert.Equal(1, _harness.Service.To(FakeService.CreatePath).Count(request => request.Text.Contains($"{bad}\"", StringComparison.Ordinal)));
        }

        Assert.NotEqual(0, number);
    }

    [Fact]
    public async Task Waiting_and_saving_go_on_with_the_others()
    {
        Arrange(nameof(ITaskJournal.FindAsync));
        _current = new InvalidCastException("A record is damaged.");
        var service = _harness.NewService(isObserved: false);
        KlingVideoTask good = await _harness.FinishedAsync("t1");
        using var stage = new WaitStage(service, new WaitOptions());

        await stage.PostAsync(new TaskReference { Id = good.Id }, CancellationToken.None);
        Outcome<TaskReference, KlingVideoTask> waited = await _harness.Clock.RunAsync(stage.Results.ReadAsync().AsTask());
        var saver = new VideoSaver(service, new SaveOptions { Destination = _harness.Folder });
        Outcome<TaskReference, SavedVideo> saved = await _harness.Clock.RunAsync(saver.SaveAsync(new TaskReference { Id = good.Id }, CancellationToken.None));

        Assert.All([waited.Error, saved.Error], error => Assert.Equal(ErrorKind.UnexpectedError, error!.Kind));
        Assert.All([waited.Error, saved.Error], error => Assert.Contains("InvalidCastException: A record is damaged.", error!.Message, StringComparison.Ordinal));
        _current = null;
        await stage.PostAsync(new TaskReference { Id = good.Id }, CancellationToken.None);
        Assert.Null((await _harness.Clock.RunAsync(stage.Results.ReadAsync().AsTask())).Error);
        Assert.Null((await _harness.Clock.RunAsync(saver.SaveAsync(new TaskReference { Id = good.Id }, CancellationToken.None))).Error);
    }

    private void Arrange(string seam)
    {
        switch (seam)
        {
            case "the connection for queries":
            case "the answer to a query":
                _harness.Service.On(FakeService.QueryPath, (request, token) =>
                {
                    Exception? thrown = Take();
                    string id = System.Web.HttpUtility.ParseQueryString(request.Uri.Query)["taskId"]!;
                    return (thrown is null ? _harness.Tasks[id] : seam.StartsWith("the connection", StringComparison.Ordinal) ? Replies.FailsBefore(thrown) : Replies.BreaksOff(thrown))(request, token);
                });
                break;
            case "the connection to the video":
                _harness.Videos.Intercept = _ => Take() is Exception exception ? throw exception : null;
                break;
            case "the content of the video":
                _harness.Videos.Intercept = _ => Take() is Exception exception
                    ? new HttpResponseMessage(System.Net.HttpStatusCode.OK) { Content = new StreamContent(new ThrowingStream(exception)) }
                    : null;
                break;
            default:
                _harness.Ledger.BeforeCall = name =>
                {
                    if (name == seam && Take() is Exception exception)
                    {
                        throw exception;
                    }
                };
                break;
        }
    }

    /// <summary>The exception of the moment, at most ten times: some are tried again for as long as an outage may last.</summary>
    private Exception? Take() => _current is not null && _thrown++ < 10 ? _current : null;

    private VideoConverter Converter()
        => new(_harness.NewService(isObserved: false), new ConversionOptions { Save = new SaveOptions { Destination = Path.Combine(_harness.Folder, "videos") } });

    private async Task<Outcome<ConversionItem, SavedVideo>> ConvertAsync(VideoConverter converter, string image)
        => await _harness.Clock.RunAsync(Task.Run(() => converter.ConvertAsync(converter.Accept(Submissions.FromUri(image))!, CancellationToken.None)));

    private sealed class ThrowingStream(Exception exception) : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw exception;
    }
}
