using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Finds tasks: by id, or those of the ledger that match.</summary>
[Cmdlet(VerbsCommon.Get, "KlingVideoTask", DefaultParameterSetName = ListSet)]
[OutputType(typeof(KlingVideoTask))]
public sealed class GetKlingVideoTaskCommand : TaskReferenceCommand
{
    private const string ListSet = "List";

    /// <summary>What "soon" means to a link.</summary>
    private static readonly TimeSpan s_soon = TimeSpan.FromHours(6);

    /// <summary>Only tasks in one of these states.</summary>
    [Parameter(ParameterSetName = ListSet)]
    public KlingTaskState[]? State { get; set; }

    /// <summary>Only tasks submitted at or after this moment.</summary>
    [Parameter(ParameterSetName = ListSet)]
    public DateTime? Since { get; set; }

    /// <summary>Only finished videos that have not been saved.</summary>
    [Parameter(ParameterSetName = ListSet)]
    public SwitchParameter Unsaved { get; set; }

    /// <summary>Only tasks made from images of this path or name; wildcards are allowed.</summary>
    [Parameter(ParameterSetName = ListSet)]
    [SupportsWildcards]
    public string[]? Source { get; set; }

    /// <summary>Only finished videos whose link dies within six hours, or is dead already.</summary>
    [Parameter(ParameterSetName = ListSet)]
    public SwitchParameter Expiring { get; set; }

    /// <summary>Asks the service how each task stands now; free.</summary>
    [Parameter]
    public SwitchParameter Refresh { get; set; }

    /// <summary>Finds the tasks.</summary>
    protected override void ProcessRecord()
    {
        try
        {
            KlingService service = GetService();
            KlingSession session = service.Session;
            var resolver = new TaskFinder(service);
            if (ParameterSetName == ListSet)
            {
                foreach (KlingVideoTask task in Await(token => session.Ledger.Tasks.ListAsync(ToFilter(session), token)).Where(IsOfSource))
                {
                    Emit(task, _ => Task.FromResult(task), resolver);
                }

                return;
            }

            foreach (TaskReference reference in ResolveReferences())
            {
                Emit(TaskReferences.TargetOf(reference), token => resolver.ResolveAsync(reference, token), resolver);
            }
        }
        catch (KlingException exception)
        {
            ThrowTerminatingError(exception, null);
        }
    }

    private void Emit(object? target, Func<CancellationToken, Task<KlingVideoTask>> find, TaskFinder resolver)
    {
        try
        {
            KlingVideoTask task = Await(find);
            WriteObject(Refresh ? Await(token => resolver.RefreshAsync(task, token)) : task);
        }
        catch (KlingException exception) when (!exception.IsFatal)
        {
            WriteError(exception, target);
        }
    }

    private TaskFilter ToFilter(KlingSession session) => new()
    {
        Account = session.Account,
        States = State,
        Since = Since is DateTime since ? new DateTimeOffset(since) : null,
        Unsaved = Unsaved,
        ExpiresBy = Expiring ? session.TimeProvider.GetUtcNow() + s_soon : null,
    };

    private bool IsOfSource(KlingVideoTask task)
    {
        if (Source is null)
        {
            return true;
        }

        string? source = task.SourcePath ?? task.ImageUri;
        return source is not null && Source.Any(name =>
        {
            // Tab completion writes ./ before names in the current folder.
            string relative = name.StartsWith("./", StringComparison.Ordinal) || name.StartsWith(".\\", StringComparison.Ordinal) ? name[2..] : name;
            var pattern = new WildcardPattern(relative, WildcardOptions.IgnoreCase);
            return pattern.IsMatch(source) || pattern.IsMatch(System.IO.Path.GetFileName(source))
                || (task.SourcePath is not null && pattern.IsMatch(System.IO.Path.GetRelativePath(SessionState.Path.CurrentFileSystemLocation.Path, source)));
        });
    }
}
