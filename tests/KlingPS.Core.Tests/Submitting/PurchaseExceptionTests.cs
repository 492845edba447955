using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Submitting;

/// <summary>
/// Exceptions of every kind, thrown at every place from which one can come while videos are bought; and every exception that there is, where
/// it matters most: when the request has left.
/// </summary>
public sealed class PurchaseExceptionTests
{
    private static readonly Reply s_lost = Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded));

    /// <summary>What may become of a video whose purchase something went wrong with.</summary>
    private const string Bought = "bought";
    private const string NotBought = "not bought";
    private const string Unknown = "unknown";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void There_are_more_than_a_hundred_types_of_exceptions_to_throw()
    {
        IReadOnlyList<Exception> exceptions = EveryException.Create();

        Assert.InRange(exceptions.Count, 100, 10_000);
        Assert.Contains(exceptions, exception => exception is OutOfMemoryException);
        Assert.Contains(exceptions, exception => exception is System.Text.Json.JsonException);
        Assert.Contains(exceptions, exception => exception is HttpRequestException);
        Assert.Contains(exceptions, exception => exception is System.Data.DBConcurrencyException);
        Assert.Equal(exceptions.Count, exceptions.Select(exception => exception.GetType()).Distinct().Count());
    }

    [Fact]
    public void Of_each_kind_that_the_code_can_tell_apart_there_is_one()
    {
        Type[] kinds = [.. EveryException.CreateOfEachKind().Select(exception => exception.GetType())];

        Assert.InRange(kinds.Length, 20, EveryException.Create().Count / 2);
        Assert.Contains(typeof(HttpRequestException), kinds);
        Assert.Contains(typeof(IOException), kinds);
        Assert.Contains(typeof(OperationCanceledException), kinds);
        Assert.Contains(typeof(ObjectDisposedException), kinds);
        Assert.Contains(typeof(FileNotFoundException), kinds);
    }

    [Fact]
    public Task Thrown_by_the_connection_before_the_request_has_left() => CheckAsync([Bought, NotBought], (harness, throws) =>
        harness.Service.On(FakeService.CreatePath, (request, token) => throws() is Exception exception
            ? Task.FromException<HttpResponseMessage>(exception)
            : harness.AcceptTask(request, token)));

    [Fact]
    public Task Thrown_by_the_connection_when_the_request_has_left() => CheckAsync([Unknown], exceptions: EveryException.Create(), arrange: (harness, throws) =>
        harness.Service.On(FakeService.CreatePath, (request, token) => throws() is Exception exception
            ? Replies.FailsAfter(exception)(request, token)
            : harness.AcceptTask(request, token)));

    [Fact]
    public Task Thrown_while_the_answer_is_read() => CheckAsync([Unknown], (harness, throws) =>
        harness.Service.On(FakeService.CreatePath, (request, token) => throws() is Exception exception
            ? Replies.BreaksOff(exception)(request, token)
            : harness.AcceptTask(request, token)));

    [Theory]
    [InlineData(nameof(ITaskJournal.FindUnknownAsync), NotBought)]
    [InlineData(nameof(ITaskJournal.FindBudgetExcessAsync), NotBought)]
    [InlineData(nameof(ITaskJournal.BeginAsync), NotBought)]
    [InlineData(nameof(ITaskJournal.RecordAcceptedAsync), Bought, Unknown)]
    public Task Thrown_by_the_ledger(string operation, params string[] ends) => CheckAsync(ends, (harness, throws) => Throw(harness, operation, throws));

    [Theory]
    [InlineData(nameof(ITaskJournal.RecordUnknownAsync), Unknown)]
    public Task Thrown_by_the_ledger_when_the_answer_is_lost(string operation, params string[] ends) => CheckAsync(ends, (harness, throws) =>
    {
        harness.Service.On(FakeService.CreatePath, AnswersFirst(harness, s_lost));
        Throw(harness, operation, throws);
    });

    [Theory]
    [InlineData(nameof(ITaskJournal.RecordRejectedAsync))]
    public Task Thrown_by_the_ledger_when_the_video_is_refused(string operation) => CheckAsync([NotBought], (harness, throws) =>
    {
        harness.Service.On(FakeService.CreatePath, AnswersFirst(harness, Replies.Code(422, "No")));
        Throw(harness, operation, throws);
    });

    [Theory]
    [InlineData(nameof(ITaskJournal.RecordHeldBackAsync))]
    [InlineData(nameof(ITaskJournal.RecordSentAgainAsync))]
    public Task Thrown_by_the_ledger_when_the_request_is_sent_again(string operation) => CheckAsync([Bought, NotBought], (harness, throws) =>
    {
        harness.Service.On(FakeService.CreatePath, AnswersFirst(harness, Replies.Code(455, "Maintenance")));
        Throw(harness, operation, throws);
    });

    [Theory]
    [InlineData(true, NotBought)]
    [InlineData(false, Bought)]
    public Task Thrown_at_the_gate(bool isEntry, string end) => CheckAsync([end], (harness, throws) => harness.Ledger.AtCreateGate = entered =>
    {
        if (entered == isEntry && throws() is Exception exception)
        {
            throw exception;
        }
    });

    [Theory]
    [InlineData($"{nameof(IFileHashCache)}.{nameof(IFileHashCache.FindAsync)}")]
    [InlineData($"{nameof(IUploadCache)}.{nameof(IUploadCache.FindAsync)}")]
    [InlineData($"{nameof(IUploadCache)}.{nameof(IUploadCache.RecordAsync)}")]
    public Task Thrown_while_an_image_is_read_or_its_upload_is_looked_for(string operation) => CheckAsync([NotBought], hasImages: true, arrange: (harness, throws) => harness.Ledger.BeforeCacheCall = name =>
    {
        if (name == operation && throws() is Exception exception)
        {
            throw exception;
        }
    });

    [Fact]
    public Task Thrown_during_the_upload() => CheckAsync([Bought, NotBought], hasImages: true, arrange: (harness, throws) =>
        harness.Service.On(FakeService.UploadPath, (request, token) => throws() is Exception exception
            ? Replies.FailsAfter(exception)(request, token)
            : PipelineHarness.AcceptUpload(request, token)));

    [Fact]
    public Task Thrown_by_the_observer() => CheckAsync([Bought], createObserver: throws => new ThrowingObserver(throws));

    [Fact]
    public async Task Thrown_by_the_clock()
    {
        ThrowingClock? clock = null;
        await using var harness = new PipelineHarness(time => clock = new ThrowingClock(time));
        var submitter = new VideoSubmitter(harness.NewService(isObserved: false));
        clock!.ThrowAt(0, null);
        await harness.SubmitAsync(submitter, Submissions.FromUri("https://images.example/first.png"));
        int uses = clock.Uses;
        Assert.InRange(uses, 5, 1000);
        int item = 0;

        // Each exception at another use of the clock, and at each use many of them.
        foreach (Exception exception in EveryException.Create())
        {
            DateTimeOffset begun = harness.Clock.GetUtcNow();
            string subject = $"https://images.example/{item}.png";
            clock.ThrowAt(1 + (item++ % uses), exception);
            Outcome<Submission, KlingVideoTask> outcome = await harness.SubmitAsync(submitter, Submissions.FromUri(subject));
            string what = $"{exception.GetType()} at use {clock.At}: {outcome.Error?.Message}";
            clock.ThrowAt(0, null);

            KlingVideoTask? task = (await AssertSettledAsync(harness, begun, what)).LastOrDefault(task => task.Subject == subject);
            Assert.True(
                outcome.Value is not null ? task is { TaskId: not null }
                    : outcome.Error!.Kind == ErrorKind.AttemptUnknown ? task is { TaskState: KlingTaskState.Unknown }
                    : task is null or { TaskState: KlingTaskState.Rejected },
                $"{task?.State} after {what}");
            int creates = harness.Service.To(FakeService.CreatePath).Count(request => request.Text.Contains(subject, StringComparison.Ordinal));
            Assert.InRange(creates, 0, 1);
            Assert.True(creates == 0 || task is not (null or { TaskState: KlingTaskState.Rejected }), what);
        }

        await AssertSettledAsync(harness, DateTimeOffset.MinValue, "all of them");
    }

    private static Reply AnswersFirst(PipelineHarness harness, Reply first)
    {
        // Each item's request has its own address; the first of each gets the answer.
        var seen = new HashSet<string>();
        return async (request, token) =>
        {
            await request.ReadAsync(token);
            string item = request.Json.GetProperty("input").GetProperty("image_url").GetString()!;
            return await (seen.Add(item) && !item.Contains("good", StringComparison.Ordinal) ? first : harness.AcceptTask)(request, token);
        };
    }

    private static void Throw(PipelineHarness harness, string operation, Func<Exception?> throws) => harness.Ledger.BeforeCall = name =>
    {
        if (name == operation && throws() is Exception exception)
        {
            throw exception;
        }
    };

    /// <summary>
    /// Buys one video for each exception, which is thrown as often as it can be, and after each a video with which nothing is wrong. The
    /// exceptions are one of each kind when they are left out.
    /// </summary>
    private static async Task CheckAsync(
        string[] ends,
        Action<PipelineHarness, Func<Exception?>>? arrange = null,
        Func<Func<Exception?>, IPipelineObserver>? createObserver = null,
        bool hasImages = false,
        IReadOnlyList<Exception>? exceptions = null)
    {
        await using var harness = new PipelineHarness();
        Exception? current = null;
        int thrown = 0;
        Func<Exception?> throws = () =>
        {
            thrown += current is null ? 0 : 1;
            return current;
        };
        arrange?.Invoke(harness, throws);
        KlingService service = createObserver is null ? harness.NewService(isObserved: false) : new KlingService(harness.Session, createObserver(throws));
        var submitter = new VideoSubmitter(service);
        uint item = 0;
        foreach (Exception exception in exceptions ?? EveryException.CreateOfEachKind())
        {
            item++;
            DateTimeOffset begun = harness.Clock.GetUtcNow();
            Submission submission = hasImages ? harness.Submission($"bad{item}.png", item) : Submissions.FromUri($"https://images.example/bad{item}.png");
            (current, thrown) = (exception, 0);
            Outcome<Submission, KlingVideoTask> outcome = await harness.SubmitAsync(submitter, submission);
            current = null;

            string what = $"{exception.GetType()}: {outcome.Error?.Message}";
            Assert.True(thrown > 0, what);
            string end = outcome.Value is not null ? Bought : outcome.Error!.Kind == ErrorKind.AttemptUnknown ? Unknown : NotBought;
            Assert.True(ends.Contains(end), $"{end} by {what}");
            Assert.True((end == NotBought) == (outcome.Error?.Message.Contains("Nothing was bought", StringComparison.Ordinal) == true), what);

            // A service that cannot be reached for ten minutes ends a batch, and so does a ledger that has been closed. The next begins later.
            Assert.True(outcome.Error is not { IsFatal: true, Kind: not ErrorKind.ServiceUnavailable }, what);
            if (outcome.Error is { IsFatal: true } || exception is ObjectDisposedException)
            {
                submitter = new VideoSubmitter(service);
                harness.Clock.Advance(TimeSpan.FromMinutes(1));
            }

            // The batch goes on, and nothing is left open: not by the next command at the latest.
            Assert.Null((await harness.SubmitAsync(submitter, Submissions.FromUri($"https://images.example/good{item}.png"))).Error);
            KlingVideoTask[] tasks = await AssertSettledAsync(harness, begun, what);
            KlingVideoTask? task = tasks.LastOrDefault(task => task.Subject == submission.Subject);
            Assert.True(
                end switch
                {
                    Bought => task is { TaskState: KlingTaskState.Waiting, TaskId: not null },
                    Unknown => task is { TaskState: KlingTaskState.Unknown },
                    _ => task is null or { TaskState: KlingTaskState.Rejected, CreditsReserved: 0 },
                },
                $"{task?.State} after {what}");
        }

        // Nothing was bought twice.
        KlingVideoTask[] all = await AssertSettledAsync(harness, DateTimeOffset.MinValue, "all of them");
        string[] bought = [.. all.Where(task => task.TaskId is not null).Select(task => task.Subject)];
        Assert.Equal(bought.Distinct().Count(), bought.Length);
    }

    /// <summary>The tasks of a moment and after, none of which is open.</summary>
    private static async Task<KlingVideoTask[]> AssertSettledAsync(PipelineHarness harness, DateTimeOffset since, string what)
    {
        await harness.Ledger.Tasks.RecoverAsync(Token);
        KlingVideoTask[] tasks = [.. await harness.Ledger.Tasks.ListAsync(new TaskFilter { Since = since }, Token)];
        Assert.True(tasks.All(task => task.TaskState != KlingTaskState.Submitting), what);
        return tasks;
    }

    private sealed class ThrowingObserver(Func<Exception?> throws) : IPipelineObserver
    {
        public bool WantsBodies => Throw<bool>();

        public void OnRequest(RequestReport report) => Throw<bool>();

        public void OnRetry(string reason, TimeSpan delay) => Throw<bool>();

        public void OnWarning(string message) => Throw<bool>();

        public void OnNotice(string message) => Throw<bool>();

        public void OnTransfer(Transfer transfer) => Throw<bool>();

        private T? Throw<T>() => throws() is Exception exception ? throw exception : default;
    }

    private sealed class ThrowingClock(TimeProvider inner) : TimeProvider
    {
        private int _uses;
        private int _at;
        private Exception? _exception;

        public int Uses => _uses;

        public int At => _at;

        public override TimeZoneInfo LocalTimeZone => inner.LocalTimeZone;

        public override long TimestampFrequency => inner.TimestampFrequency;

        public void ThrowAt(int use, Exception? exception) => (_uses, _at, _exception) = (0, use, exception);

        public override DateTimeOffset GetUtcNow()
        {
            Count();
            return inner.GetUtcNow();
        }

        public override long GetTimestamp()
        {
            Count();
            return inner.GetTimestamp();
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Count();
            return inner.CreateTimer(callback, state, dueTime, period);
        }

        private void Count()
        {
            if (Interlocked.Increment(ref _uses) == _at)
            {
                throw _exception!;
            }
        }
    }
}
