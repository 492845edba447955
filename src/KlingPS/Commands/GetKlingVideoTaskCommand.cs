using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Hosting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Finds tasks: by id, or those of the ledger that match.</summary>
[Cmdlet(VerbsCommon.Get, "KlingVideoTask")]
[OutputType(typeof(KlingVideoTask))]
public sealed class GetKlingVideoTaskCommand : TaskReferenceCommand
{
    private const string AsList = "List";
    private const int MaxInHand = 16;

    /// <summary>What "soon" means to a link.</summary>
    private static readonly TimeSpan s_soon = TimeSpan.FromHours(6);

    private readonly Batch<TaskReference, KlingVideoTask> _batch;

    /// <summary>Creates the command.</summary>
    public GetKlingVideoTaskCommand()
    {
        _batch = Use(new Batch<TaskReference, KlingVideoTask>(this, CreateStage) { IsOrdered = true, Target = TaskReferences.TargetOf });
    }

    /// <summary>Only tasks in one of these states.</summary>
    [Parameter]
    [Usage(AsList)]
    [Names]
    [ValidateNotNull]
    public KlingTaskState[]? State { get; set; }

    /// <summary>Only tasks submitted at or after this moment.</summary>
    [Parameter]
    [Usage(AsList)]
    [Moment]
    [ValidateNotNull]
    public DateTime? Since { get; set; }

    /// <summary>Only finished videos that have not been saved.</summary>
    [Parameter]
    [Usage(AsList)]
    public SwitchParameter Unsaved { get; set; }

    /// <summary>Only tasks made from images of this path or name, or in this folder; wildcards are allowed.</summary>
    [Parameter]
    [Usage(AsList)]
    [SupportsWildcards]
    [NotBlank]
    public string[]? Source { get; set; }

    /// <summary>Only finished videos whose link expires within six hours, or has expired already.</summary>
    [Parameter]
    [Usage(AsList)]
    public SwitchParameter Expiring { get; set; }

    /// <summary>Asks the service for the present state of each task; free.</summary>
    [Parameter]
    public SwitchParameter Refresh { get; set; }

    /// <summary>How long -Refresh may take for all tasks, as seconds or as a time span; without end when it is left out.</summary>
    [Parameter]
    [Seconds]
    [ValidateRange(0.001, 10_000_000.0)]
    public double? Timeout { get; set; }

    /// <summary>Whether no task is named, and none comes through the pipeline.</summary>
    private bool IsList => !(MyInvocation.ExpectingInput || IsGiven(nameof(InputObject)) || IsGiven(nameof(TaskId)) || IsGiven(nameof(Id)));

    /// <inheritdoc/>
    private protected override double? TimeLimit => Timeout;

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        bool isList = IsList;
        if (!isList && !Refresh && Context.LookAtLedger() is { Account: null, Ledger: var ledger })
        {
            FindRecorded(ledger);
            return;
        }

        foreach (TaskReference reference in isList ? List().Select(task => new TaskReference { Task = task }) : FindReferences().Select(found => found.Reference))
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
        // Without a key, nobody knows whose tasks are meant, and the service cannot be asked.
        (ITaskLedger ledger, string? account) = Refresh ? (Context.Service.Session.Ledger, Context.Service.Session.Account) : Context.LookAtLedger();
        var filter = new TaskFilter
        {
            Account = account,
            States = State,
            Since = MomentAttribute.Read(Since),
            Unsaved = Unsaved,
            ExpiresBy = Expiring ? TimeProvider.System.GetUtcNow() + s_soon : null,
        };
        WarnOfOthers(ledger, filter);
        IEnumerable<KlingVideoTask> tasks = Enumerate(token => ledger.Tasks.ReadPagesAsync(filter, token));
        return Source is null
            ? tasks
            : new SourceFilter(SessionState.Path.CurrentFileSystemLocation.Path, Context.Shell.Paths, WriteError).Apply(tasks, Source);
    }

    /// <summary>Warns that tasks which may belong to the account are left out. A key that has bought nothing, such as a mistyped one, leaves none out.</summary>
    private void WarnOfOthers(ITaskLedger ledger, TaskFilter filter)
    {
        OtherAccount? other = filter.Account is null ? null : Context.Session.Others.FirstOrDefault(
            other => other.Doubt is not null && Enumerate(token => ledger.Tasks.ReadPagesAsync(filter with { Account = other.Account }, token)).Any());
        if (other is not null)
        {
            WriteWarning($"The ledger has tasks of another key too. Whether that belongs to the same account could not be found out ({other.Doubt}), so they are not listed.");
        }
    }

    /// <summary>Finds tasks only in the ledger, whatever account they belong to: there is no key to ask the service with.</summary>
    private void FindRecorded(ITaskLedger ledger)
    {
        var recorded = new RecordedTasks(ledger, account: null);
        foreach (TaskReference reference in ResolveReferences())
        {
            try
            {
                WriteObject(Await(token => recorded.FindAsync(reference, token)));
            }
            catch (KlingException exception) when (exception.Kind == ErrorKind.TaskNotFound)
            {
                if (reference.MayBeAtService)
                {
                    RequireKey(exception);
                }

                RefuseInput(exception, TaskReferences.TargetOf(reference));
            }
        }
    }

    private ConcurrentStage<TaskReference, Outcome<TaskReference, KlingVideoTask>> CreateStage()
    {
        var finder = new TaskFinder(Context.Service);
        bool isList = IsList;
        bool refresh = Refresh;
        Deadline deadline = Own(Context.CreateDeadline(Timeout));
        return OrderedStage.Create<TaskReference, KlingVideoTask>(
            MaxInHand,
            (reference, token) => deadline.RunAsync($"The state of {reference}", "was not known", inTime => FindAsync(reference, inTime), token),
            reference => reference.ToString());

        async Task<KlingVideoTask> FindAsync(TaskReference reference, CancellationToken token)
        {
            KlingVideoTask task = isList ? reference.Task! : await finder.FindAsync(reference, token).ConfigureAwait(false);
            return refresh ? await finder.RefreshAsync(task, token).ConfigureAwait(false) : task;
        }
    }
}
