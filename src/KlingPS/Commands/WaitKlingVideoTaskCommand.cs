using System.Management.Automation;
using KlingPS.Bridge;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;
using KlingPS.Core.Waiting;
using KlingPS.Display;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Waits for tasks and emits each as it finishes.</summary>
[Cmdlet(VerbsLifecycle.Wait, "KlingVideoTask", DefaultParameterSetName = InputObjectSet)]
[OutputType(typeof(KlingVideoTask))]
public sealed class WaitKlingVideoTaskCommand : TaskReferenceCommand
{
    private readonly StagePump<TaskReference, Outcome<TaskReference, KlingVideoTask>> _pump;
    private readonly UnfinishedTasks _unfinished = new();
    private int _fed;
    private int _finished;

    /// <summary>Creates the command.</summary>
    public WaitKlingVideoTaskCommand()
    {
        _pump = new(this, CreateStage, Emit);
    }

    /// <summary>How long to wait for a task, in seconds from its arrival here; without end when it is left out. 0 looks once.</summary>
    [Parameter]
    [ValidateRange(0, 10_000_000)]
    public int? Timeout { get; set; }

    /// <summary>The time between two looks at a task, in seconds; the configured one, else planned from experience, when it is left out.</summary>
    [Parameter]
    [ValidateRange(0.1, 3600.0)]
    public double? PollingInterval { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Waiting for videos";

    /// <summary>Takes the next tasks and emits those that have finished.</summary>
    protected override void ProcessRecord()
    {
        foreach (TaskReference reference in ResolveReferences())
        {
            _fed++;
            ShowProgress();
            _unfinished.Add(reference);
            _pump.Feed(reference);
        }
    }

    /// <summary>Emits the tasks that are still to finish.</summary>
    protected override void EndProcessing()
    {
        _pump.Finish();
        Progress.Complete();
    }

    /// <inheritdoc/>
    private protected override string? DescribeUnfinished() => _unfinished.Describe();

    private TaskWaiter CreateStage() => new(GetService(), GetWaitOptions(Timeout, PollingInterval));

    private void Emit(Outcome<TaskReference, KlingVideoTask> result)
    {
        _finished++;
        _unfinished.Remove(result.Item);
        ShowProgress();
        Write(result);
    }

    private void ShowProgress() => Progress.Show($"{_finished} of {_fed} finished", _finished * 100 / Math.Max(_fed, 1));
}
