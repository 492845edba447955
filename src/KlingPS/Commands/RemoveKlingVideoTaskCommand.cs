using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Drops settled tasks from the ledger. Videos on disk stay.</summary>
[Cmdlet(VerbsCommon.Remove, "KlingVideoTask", DefaultParameterSetName = InputObjectSet, SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class RemoveKlingVideoTaskCommand : TaskReferenceCommand
{
    /// <summary>Drops the tasks.</summary>
    protected override void ProcessRecord()
    {
        foreach (TaskReference reference in ResolveReferences())
        {
            try
            {
                KlingService service = GetService();
                var resolver = new TaskFinder(service);
                KlingVideoTask task = Await(token => resolver.FindRecordedAsync(reference, token));
                if (ShouldProcess($"task {task.Id} ({task.Subject})", "Remove from the ledger"))
                {
                    Await(_ => service.Session.Ledger.Tasks.RemoveAsync(task.Id));
                }
            }
            catch (KlingException exception)
            {
                WriteErrorOrEnd(exception, TaskReferences.TargetOf(reference));
            }
        }
    }
}
