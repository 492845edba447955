using KlingPS.Core.Model;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Sessions;

/// <summary>The single place where the parts of a command report what has happened, to its log and to anyone who measures. Costs nothing while nobody listens.</summary>
/// <param name="observer">Takes the events; may be <see langword="null"/>.</param>
internal sealed class PipelineEvents(IPipelineObserver? observer)
{
    private readonly bool _wantsEvents = observer is { WantsEvents: true };

    /// <summary>Called when it is known what has to be done for an image.</summary>
    /// <param name="subject">The image.</param>
    /// <param name="step">What to do.</param>
    /// <param name="earlier">The task that it was bought as before, if it was.</param>
    /// <param name="credits">What it is expected to cost, if it will be bought.</param>
    public void OnPlanned(string subject, string step, KlingVideoTask? earlier, decimal? credits)
    {
        if (_wantsEvents)
        {
            observer!.OnEvent(new RunEvent(RunEventKind.Planned) { Subject = subject, Step = step, Task = earlier, Credits = credits });
        }
    }

    /// <summary>Called when the service has accepted a task.</summary>
    public void OnSubmitted(KlingVideoTask task)
    {
        KlingTelemetry.OnSubmitted(task);
        if (_wantsEvents)
        {
            observer!.OnEvent(new RunEvent(RunEventKind.Submitted) { Task = task, Credits = task.CreditsReserved });
        }
    }

    /// <summary>Called when the service has given the state of a task.</summary>
    /// <param name="before">The task as it was known; <see langword="null"/> if it was not.</param>
    /// <param name="task">The task.</param>
    public void OnObserved(KlingVideoTask? before, KlingVideoTask task)
    {
        if (before?.TaskState == task.TaskState)
        {
            return;
        }

        if (task.TaskState.IsSettled())
        {
            KlingTelemetry.OnEnded(task);
        }

        if (_wantsEvents)
        {
            observer!.OnEvent(new RunEvent(RunEventKind.State) { Task = task, Credits = task.CreditsConsumed });
        }
    }

    /// <summary>Called when a video has been downloaded.</summary>
    public void OnDownloaded(KlingVideoTask task, string file, long bytes)
    {
        if (_wantsEvents)
        {
            observer!.OnEvent(new RunEvent(RunEventKind.Downloaded) { Task = task, File = file, Bytes = bytes });
        }
    }

    /// <summary>Called when a video is complete and has its name.</summary>
    public void OnVerified(KlingVideoTask task, string file, long bytes, string hash, TimeSpan elapsed)
    {
        KlingTelemetry.OnSaved(task, bytes, elapsed);
        if (_wantsEvents)
        {
            observer!.OnEvent(new RunEvent(RunEventKind.Verified) { Task = task, File = file, Bytes = bytes, Hash = hash });
        }
    }
}
