using System.Diagnostics;
using System.Globalization;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Sessions;

namespace KlingPS.Bench;

/// <summary>What it costs to say what happens to one video, from its plan to its place, while nobody listens: no log, no trace, no metric.</summary>
internal static class TelemetryMode
{
    private const int Videos = 2_000_000;

    public static void Run(TextWriter output)
    {
        var task = new KlingVideoTask
        {
            Id = 1,
            TaskId = "1",
            TaskState = KlingTaskState.Succeeded,
            CreditsConsumed = 42,
            Spec = new VideoSpec { Prompt = "p" },
        };
        KlingVideoTask before = task with { TaskState = KlingTaskState.Waiting };
        var events = new PipelineEvents(observer: null);
        Measure(events, before, task, Videos / 10);

        long bytes = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        Measure(events, before, task, Videos);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{elapsed.TotalNanoseconds / Videos:0.0} ns and {(double)bytes / Videos:0.###} bytes for all events, activities and instruments of one video"));
    }

    private static void Measure(PipelineEvents events, KlingVideoTask before, KlingVideoTask task, int videos)
    {
        for (int i = 0; i < videos; i++)
        {
            using Activity? activity = KlingTelemetry.Start("convert image", "a.png");
            activity?.TagIf(task);
            events.OnPlanned("a.png", "Buy", earlier: null, 42);
            events.OnSubmitted(before);
            events.OnObserved(before, task);
            events.OnDownloaded(task, "a.mp4", 1000);
            events.OnVerified(task, "a.mp4", 1000, "hash", TimeSpan.FromSeconds(1));
        }
    }
}
