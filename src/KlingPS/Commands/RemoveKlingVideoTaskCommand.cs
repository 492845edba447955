using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Stages;
using KlingPS.Hosting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Removes tasks that have ended from the ledger. Videos on disk are kept.</summary>
[Cmdlet(VerbsCommon.Remove, "KlingVideoTask", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class RemoveKlingVideoTaskCommand : TaskReferenceCommand
{
    /// <summary>Records that are removed together share one write to the disk.</summary>
    private const int MaxInHand = 64;

    private readonly Batch<RecordedTask, KlingVideoTask> _batch;

    /// <summary>Creates the command.</summary>
    public RemoveKlingVideoTaskCommand()
    {
        _batch = Use(new Batch<RecordedTask, KlingVideoTask>(this, CreateStage)
        {
            Emit = WarnOfUnsavedVideo,
            IsOrdered = true,
            Target = outcome => TaskReferences.TargetOf(outcome.Item.Reference),
        });
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        foreach (TaskReference reference in ResolveReferences())
        {
            try
            {
                RecordedTasks recorded = OpenRecorded();
                KlingVideoTask task = Await(token => recorded.FindAsync(reference, token));
                if (ShouldProcess($"task {task.Id} ({task.Subject})", "Remove from the ledger"))
                {
                    // The user chose it by the state that was shown, which may be older than this record.
                    _batch.Feed(new RecordedTask(reference, reference.Task is { TaskState: var state } ? task with { TaskState = state } : task));
                }
            }
            catch (Exception exception) when (Failures.IsError(exception))
            {
                WriteErrorOrEnd(UnexpectedError.From(exception, reference.ToString()), TaskReferences.TargetOf(reference));
            }
        }
    }

    /// <summary>Warns of a video that is paid for but was not saved, here or on another machine: once removed, it could only be bought again, unless its id is known.</summary>
    private void WarnOfUnsavedVideo(KlingVideoTask task)
    {
        if (task.IsUnsaved)
        {
            WriteWarning(
                $"The video of task {task.Id} ('{task.Subject}') is paid for and was not saved, and would be bought again. "
                + $"As long as the service keeps it, this saves it: Save-KlingVideo -TaskId {task.TaskId}");
        }
    }

    private ConcurrentStage<RecordedTask, Outcome<RecordedTask, KlingVideoTask>> CreateStage()
    {
        ITaskJournal tasks = OpenRecorded().Ledger.Tasks;
        return OrderedStage.Create<RecordedTask, KlingVideoTask>(
            MaxInHand,
            (item, _) => tasks.RemoveAsync(item.Task),
            item => item.Reference.ToString());
    }

    /// <summary>A task as the user named it, and as the user has seen it.</summary>
    private sealed record RecordedTask(TaskReference Reference, KlingVideoTask Task);
}
