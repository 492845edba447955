using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Hosting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Finds tasks: by id, or those of the ledger that match.</summary>
[Cmdlet(VerbsCommon.Get, "KlingVideoTask", DefaultParameterSetName = ListSet)]
[OutputType(typeof(KlingVideoTask))]
public sealed class GetKlingVideoTaskCommand : TaskReferenceCommand
{
    private const string ListSet = "List";
    private const int MaxInHand = 16;

    /// <summary>What "soon" means to a link.</summary>
    private static readonly TimeSpan s_soon = TimeSpan.FromHours(6);

    private readonly Batch<TaskReference, KlingVideoTask> _batch;

    /// <summary>Creates the command.</summary>
    public GetKlingVideoTaskCommand()
    {
        _batch = Use(new Batch<TaskReference, KlingVideoTask>(this, CreateStage) { Target = TaskReferences.TargetOf });
    }

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

    /// <summary>Only finished videos whose link expires within six hours, or has expired already.</summary>
    [Parameter(ParameterSetName = ListSet)]
    public SwitchParameter Expiring { get; set; }

    /// <summary>Asks the service for the present state of each task; free.</summary>
    [Parameter]
    public SwitchParameter Refresh { get; set; }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        bool isList = ParameterSetName == ListSet;
        foreach (TaskReference reference in isList ? List().Select(task => new TaskReference { Task = task }) : ResolveReferences())
        {
            if (isList && !Refresh)
            {
                WriteObject(reference.Task);
            }
            else
            {
                _batch.Feed(reference);
            }
        }
    }

    private IEnumerable<KlingVideoTask> List()
    {
        KlingSession session = Context.Service.Session;
        var filter = new TaskFilter
        {
            Account = session.Account,
            States = State,
            Since = Since is DateTime since ? new DateTimeOffset(since) : null,
            Unsaved = Unsaved,
            ExpiresBy = Expiring ? session.TimeProvider.GetUtcNow() + s_soon : null,
        };
        return Await(token => session.Ledger.Tasks.ListAsync(filter, token)).Where(IsOfSource);
    }

    private ConcurrentStage<TaskReference, Outcome<TaskReference, KlingVideoTask>> CreateStage()
    {
        var finder = new TaskFinder(Context.Service);
        bool isList = ParameterSetName == ListSet;
        bool refresh = Refresh;
        return OrderedStage.Create<TaskReference, KlingVideoTask>(MaxInHand, async (reference, token) =>
        {
            KlingVideoTask task = isList ? reference.Task! : await finder.FindAsync(reference, token).ConfigureAwait(false);
            return refresh ? await finder.RefreshAsync(task, token).ConfigureAwait(false) : task;
        });
    }

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
