using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Reporting;

public sealed class KlingTelemetryTests
{
    /// <summary>A model of this class alone: other tests measure at the same time.</summary>
    private const string Model = "kling/telemetry-test";

    private static readonly KlingVideoTask s_task = new()
    {
        Id = 7,
        TaskId = "service-7",
        TaskState = KlingTaskState.Succeeded,
        CreditsConsumed = 42,
        Spec = new VideoSpec { Model = Model, Prompt = "p" },
        AcceptedAt = DateTimeOffset.UnixEpoch,
        CompletedAt = DateTimeOffset.UnixEpoch.AddSeconds(90),
    };

    /// <summary>Listens to the activities of the module, also to those of other tests.</summary>
    private static ActivityListener Listen(Action<Activity> onStopped)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "KlingPS",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = onStopped,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    [Fact]
    public void What_happens_to_a_task_is_measured_by_documented_instruments()
    {
        var measured = new ConcurrentBag<(string Name, string? Unit, double Value)>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == "KlingPS")
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();

        var events = new PipelineEvents(observer: null);
        events.OnSubmitted(s_task);
        events.OnObserved(s_task with { TaskState = KlingTaskState.Waiting }, s_task);
        events.OnObserved(s_task, s_task);
        events.OnVerified(s_task, "/v.mp4", 1000, "hash", TimeSpan.FromSeconds(2));

        Assert.Equal(
            [("klingps.credits.consumed", "{credit}", 42), ("klingps.task.duration", "s", 90), ("klingps.tasks.ended", "{task}", 1), ("klingps.tasks.submitted", "{task}", 1), ("klingps.videos.saved", "{video}", 1)],
            measured.OrderBy(measurement => measurement.Name, StringComparer.Ordinal));

        void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                if (tag is { Key: "klingps.model", Value: Model })
                {
                    measured.Add((instrument.Name, instrument.Unit, value));
                }
            }
        }
    }

    [Fact]
    public void While_nobody_listens_nothing_is_allocated()
    {
        var events = new PipelineEvents(observer: null);
        KlingVideoTask waiting = s_task with { TaskState = KlingTaskState.Waiting };
        Measure();

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Measure();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Measure()
        {
            using Activity? activity = KlingTelemetry.Start("convert image", "a.png");
            activity?.TagIf(s_task);
            events.OnPlanned("a.png", "Buy", null, 42);
            events.OnSubmitted(s_task);
            events.OnObserved(waiting, s_task);
            events.OnDownloaded(s_task, "/v.mp4", 1000);
            events.OnVerified(s_task, "/v.mp4", 1000, "hash", TimeSpan.FromSeconds(2));
            KlingTelemetry.OnError(ErrorKind.TaskFailed);
        }
    }

    [Fact]
    public void Work_is_traced_with_its_task_and_its_error()
    {
        string subject = Guid.NewGuid().ToString();
        var stopped = new ConcurrentBag<Activity>();
        using ActivityListener listener = Listen(stopped.Add);

        using (Activity? activity = KlingTelemetry.Start("convert image", subject))
        {
            Assert.NotNull(activity);
            activity.TagIf(s_task);
            activity.Fail(new KlingException(ErrorKind.TaskFailed, "It failed."));
        }

        Activity traced = Assert.Single(stopped, activity => (string?)activity.GetTagItem("klingps.image") == subject);
        Assert.Equal(("convert image", 7L, "service-7", "Succeeded"), (traced.OperationName, traced.GetTagItem("klingps.task.id"), traced.GetTagItem("klingps.task.service_id"), traced.GetTagItem("klingps.task.state")));
        Assert.Equal(("KlingTaskFailed", ActivityStatusCode.Error), (traced.GetTagItem("error.type"), traced.Status));
    }

    [Fact]
    public async Task A_request_for_a_video_is_traced_with_its_task_or_its_error()
    {
        var stopped = new ConcurrentBag<Activity>();
        using ActivityListener listener = Listen(stopped.Add);
        await using var harness = new PipelineHarness();
        Submission bought = harness.Submission("fox.png");
        Submission refused = harness.Submission("owl.png");

        await harness.Clock.RunAsync(new VideoSubmitter(harness.NewService()).SubmitAsync(bought, CancellationToken.None));
        harness.Service.On(FakeService.CreatePath, Replies.Code(402, "no credits"));
        await harness.Clock.RunAsync(new VideoSubmitter(harness.NewService()).SubmitAsync(refused, CancellationToken.None));

        Assert.NotNull(TracedOf(bought).GetTagItem("klingps.task.id"));
        Assert.Equal(ActivityStatusCode.Unset, TracedOf(bought).Status);
        Assert.Equal(ActivityStatusCode.Error, TracedOf(refused).Status);

        Activity TracedOf(Submission submission)
            => Assert.Single(stopped, activity => activity.OperationName == "submit task" && (string?)activity.GetTagItem("klingps.image") == submission.Subject);
    }
}
