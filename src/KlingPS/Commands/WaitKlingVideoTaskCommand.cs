using System.Globalization;
using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;
using KlingPS.Core.Waiting;
using KlingPS.Hosting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Waits for tasks and emits each as it finishes.</summary>
[Cmdlet(VerbsLifecycle.Wait, "KlingVideoTask")]
[OutputType(typeof(KlingVideoTask))]
public sealed class WaitKlingVideoTaskCommand : TaskReferenceCommand
{
    private readonly Batch<TaskReference, KlingVideoTask> _batch;
    private VideoForecast? _forecast;

    /// <summary>How many tasks nothing is known about until they end.</summary>
    private int _unseen;

    /// <summary>Creates the command.</summary>
    public WaitKlingVideoTaskCommand()
    {
        _batch = Use(new Batch<TaskReference, KlingVideoTask>(this, () => new WaitStage(Context.Service, Context.GetWaitOptions(Timeout, PollingInterval)))
        {
            Describe = DescribeProgress,
            Target = TaskReferences.TargetOf,
            IsShared = IsLedgerLost,
            Ended = OnEnded,
        });
    }

    /// <summary>How long to wait for a task, as seconds or as a time span, from its arrival here; without end when it is left out. 0 polls once.</summary>
    [Parameter]
    [Seconds]
    [ValidateRange(0.0, 10_000_000.0)]
    public double? Timeout { get; set; }

    /// <summary>The time between two polls of a task, in seconds; the configured one, else planned from experience, when it is left out.</summary>
    [Parameter]
    [Seconds]
    [ValidateRange(0.1, 3600.0)]
    public double? PollingInterval { get; set; }

    /// <summary>The file that events are appended to, as JSON lines; the configured one, else none, when it is left out.</summary>
    [Parameter]
    [NotBlank]
    public string? LogPath { get; set; }

    /// <inheritdoc/>
    private protected override bool HasLog => true;

    /// <inheritdoc/>
    private protected override string? GivenLogPath => LogPath;

    /// <inheritdoc/>
    private protected override double? TimeLimit => Timeout;

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Waiting for videos";

    /// <inheritdoc/>
    private protected override string? FindMeant(object taken)
        => taken is int or long or double or TimeSpan || (taken is string text && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out _)) ? nameof(Timeout) : null;

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        foreach ((TaskReference reference, KlingVideoTask? task) in FindReferences())
        {
            Unfinished.Add(reference, task);
            _batch.Feed(reference);
            Foresee(reference.Task);
        }
    }

    private void Foresee(KlingVideoTask? task)
    {
        if (task is null)
        {
            _unseen++;
        }
        else if (task.TaskState.IsPending())
        {
            _forecast ??= new VideoForecast(Context.Session, limit: null);
            _forecast.OnMaking(task, holdsPlace: false);
            _batch.Refresh();
        }
    }

    private void OnEnded(Outcome<TaskReference, KlingVideoTask> outcome)
    {
        Unfinished.OnWaited(outcome);
        if (outcome.Item.Task is KlingVideoTask task)
        {
            _forecast?.OnMade(task);
        }
        else
        {
            _unseen--;
        }
    }

    private ProgressStatus DescribeProgress() => _batch.StatusOf(_batch.Counts.Describe("finished"), _unseen > 0 ? null : _forecast?.FindRemaining(toSend: 0));
}
