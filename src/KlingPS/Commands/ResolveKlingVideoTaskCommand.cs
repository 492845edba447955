using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Stages;
using KlingPS.Hosting;
using KlingPS.Parameters;
using KlingPS.Text;

namespace KlingPS.Commands;

/// <summary>
/// Settles tasks that only the user can settle: those whose response was lost, with the service's id, by giving them up or by buying them again;
/// those that the service has forgotten; and finished ones whose video was taken elsewhere.
/// </summary>
[Cmdlet(VerbsDiagnostic.Resolve, "KlingVideoTask", SupportsShouldProcess = true)]
[OutputType(typeof(KlingVideoTask))]
public sealed class ResolveKlingVideoTaskCommand : KlingCommand
{
    private const string ByTaskId = "TaskId";
    private const string ByAbandoning = "Abandon";
    private const string ByResubmitting = "Resubmit";
    private const string AsTaken = "TakenElsewhere";
    private const int MaxInHand = 16;

    private readonly Batch<UnknownTask, KlingVideoTask> _batch;
    private ITaskLedger? _ledger;
    private RecordedTasks? _recorded;
    private UnknownTaskResolver? _resolver;
    private Deadline? _deadline;

    /// <summary>Creates the command.</summary>
    public ResolveKlingVideoTaskCommand()
    {
        _batch = Use(new Batch<UnknownTask, KlingVideoTask>(this, CreateStage)
        {
            Verb = "resolved",
            IsOrdered = true,
            Target = outcome => outcome.Item.Input.BaseObject,

            // Tasks that are being bought at the same time still come out.
            KeepsFatal = true,

            // No more are taken in after an error that ends the command, so it is not known how many are left.
            Ending = static fatal => fatal[0].Error!,
        });
    }

    /// <summary>The local ids of the tasks to resolve; or the tasks themselves, from the pipeline.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Usage(IsRequired = true)]
    [Alias("InputObject")]
    [ArgumentCompleter(typeof(TaskCompleter))]
    public PSObject?[]? Id { get; set; } = [];

    /// <summary>The service's id of the task that it turned out to be, as https://kie.ai/logs shows it.</summary>
    [Parameter]
    [Usage(ByTaskId)]
    public string TaskId { get; set; } = string.Empty;

    /// <summary>Gives the task up: either it was not bought, and its credits are free again; or the service, which is asked, has forgotten it, and they stay spent.</summary>
    [Parameter]
    [Usage(ByAbandoning, IsRequired = true)]
    public SwitchParameter Abandon { get; set; }

    /// <summary>Buys the video again, in its place. If it was bought after all, it is paid for twice.</summary>
    [Parameter]
    [Usage(ByResubmitting, IsRequired = true)]
    public SwitchParameter Resubmit { get; set; }

    /// <summary>Says that the finished video was taken elsewhere, so that nothing is left to be done for it; with :$false, undoes that.</summary>
    [Parameter]
    [Usage(AsTaken, IsRequired = true)]
    public SwitchParameter TakenElsewhere { get; set; }

    /// <summary>How long the command may take, as seconds or as a time span, from its first task on; without end when it is left out.</summary>
    [Parameter]
    [Seconds]
    [ValidateRange(0.001, 10_000_000.0)]
    public double? Timeout { get; set; }

    /// <inheritdoc/>
    private protected override double? TimeLimit => Timeout;

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Resolving tasks";

    /// <inheritdoc/>
    private protected override string HowToGive => "Say which tasks: by their numbers (-Id 1, 2) or through the pipeline. Get-KlingVideoTask -State Unknown lists those whose response was lost.";

    /// <summary>Whether this is about a finished video; a switch that is off undoes the mark that the video was taken.</summary>
    private bool IsAboutTaking => IsGiven(nameof(TakenElsewhere));

    /// <inheritdoc/>
    private protected override void CheckParameters()
    {
        if (MyInvocation.ExpectingInput && IsGiven(nameof(Id)))
        {
            throw TaskReferences.ComeTwice(nameof(Id), Id, Id?.FirstOrDefault()?.BaseObject is string ? nameof(TaskId) : null, MyInvocation.MyCommand.Name);
        }

        if (IsAboutTaking && (Abandon || Resubmit || IsGiven(nameof(TaskId))))
        {
            throw Usages.Conflict([nameof(TakenElsewhere), Abandon ? nameof(Abandon) : Resubmit ? nameof(Resubmit) : nameof(TaskId)], MyInvocation.MyCommand.Name);
        }

        if (!IsAboutTaking && !Abandon && !Resubmit && string.IsNullOrWhiteSpace(TaskId))
        {
            if (IsGiven(nameof(TaskId)))
            {
                throw new KlingException(
                    ErrorKind.RequestInvalid, "-TaskId is empty. Give the service's id of the task, as https://kie.ai/logs shows it. Nothing was changed.");
            }

            throw new KlingException(
                ErrorKind.RequestInvalid,
                "Say what has become of the task: -TaskId with the service's id if https://kie.ai/logs shows it, -Abandon if it was not bought or the service has forgotten it, -Resubmit to buy it again, or -TakenElsewhere if it is finished and you have its video. Nothing was changed.");
        }
    }

    /// <summary>Whether the service is involved, whatever the task. Only then is a key needed, and to give up a task that was accepted.</summary>
    private bool AsksService => !IsAboutTaking && !Abandon;

    /// <summary>The tasks in the ledger.</summary>
    private RecordedTasks Recorded
    {
        get
        {
            if (_recorded is null)
            {
                if (AsksService)
                {
                    // This makes sure that there is a key.
                    _ = Context.Session;
                }

                (_ledger, string? account) = Context.OpenLedger();
                _recorded = new RecordedTasks(_ledger, account);
            }

            return _recorded;
        }
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        foreach (PSObject? input in Id ?? [null])
        {
            if (_batch.HasFatal)
            {
                _batch.Finish();
                _batch.ThrowIfFatal();
            }

            try
            {
                TaskReference reference = TaskReferences.From(input);
                RecordedTasks recorded = Recorded;
                KlingVideoTask task = Await(token => recorded.FindAsync(reference, token));
                if (IsAboutTaking)
                {
                    UnknownTaskResolver.RequireVideo(task);
                }
                else if (Abandon && UnknownTaskResolver.MayBeForgotten(task))
                {
                    // Only the account that has bought it can ask about it, so there has to be a key. It is looked up here, on the pipeline thread.
                    _resolver ??= new UnknownTaskResolver(Context.Service);
                    _deadline ??= Own(Context.CreateDeadline(Timeout));
                }
                else
                {
                    Await(token => UnknownTaskResolver.RequireUnknownAsync(_ledger!.Tasks, task, token));
                }

                if (ShouldProcess($"task {task.Id} ({task.Subject})", Describe(task)))
                {
                    // The user decided by what was shown, which may be older than this record.
                    _batch.Feed(new UnknownTask(input!, reference.Task is { TaskState: KlingTaskState.Unknown, FailMessage: var reason } ? task with { FailMessage = reason } : task));
                }
            }
            catch (Exception exception) when (Failures.IsError(exception))
            {
                WriteErrorOrEnd(UnexpectedError.From(exception, $"'{input}'"), input?.BaseObject is string id ? ServiceTaskId.Describe(id) : input?.BaseObject);
            }
        }
    }

    /// <inheritdoc/>
    private protected override void OnEnd() => _batch.ThrowIfFatal();

    private ConcurrentStage<UnknownTask, Outcome<UnknownTask, KlingVideoTask>> CreateStage()
    {
        if (!AsksService)
        {
            ITaskJournal tasks = _ledger!.Tasks;
            bool isTaken = TakenElsewhere;
            return OrderedStage.Create<UnknownTask, KlingVideoTask>(
                MaxInHand,
                (item, token) => !Abandon ? UnknownTaskResolver.TakeAsync(tasks, item.Task, isTaken)
                    : UnknownTaskResolver.MayBeForgotten(item.Task) ? _deadline!.RunAsync(Name(item), "was not resolved", inTime => _resolver!.ForgetAsync(item.Task, inTime), token)
                    : UnknownTaskResolver.AbandonAsync(tasks, item.Task, token),
                Name);
        }

        var resolver = new UnknownTaskResolver(Context.Service);
        Unfinished.UnderWay = () => resolver.UnderWay;
        string taskId = TaskId.Trim();
        Deadline deadline = Own(Context.CreateDeadline(Timeout));

        // An id of the service belongs to one task: the first to get it has to be the first in the input.
        return Resubmit
            ? OrderedStage.Create<UnknownTask, KlingVideoTask>(MaxInHand, (item, token) => resolver.ResubmitAsync(item.Task, deadline, token), Name)
            : OrderedStage.Create<UnknownTask, KlingVideoTask>(
                1, (item, token) => deadline.RunAsync(Name(item), "was not resolved", inTime => resolver.ResolveAsync(item.Task, taskId, inTime), token), Name);

        static string Name(UnknownTask item) => $"task {item.Task.Id} ({item.Task.Subject})";
    }

    private string Describe(KlingVideoTask task) => this switch
    {
        { Abandon.IsPresent: true } => UnknownTaskResolver.MayBeForgotten(task)
            ? "Give up, if the service does not know it any more; what it cost stays spent"
            : "Give up, as not bought",
        { Resubmit.IsPresent: true } => $"Buy again {SubmissionText.DescribePrice(task.Spec.GetCredits())}",
        { IsAboutTaking: true } => TakenElsewhere ? "Mark the video as taken elsewhere" : "Take back that the video was taken elsewhere",
        _ => $"Resolve as task {ServiceTaskId.Describe(TaskId)} of the service",
    };

    /// <summary>A task as the user named it, and as the user has seen it.</summary>
    private sealed record UnknownTask(PSObject Input, KlingVideoTask Task);
}
