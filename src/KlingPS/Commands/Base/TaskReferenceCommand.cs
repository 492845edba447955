using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Parameters;
using KlingPS.Sessions;

namespace KlingPS.Commands.Base;

/// <summary>A command that takes tasks, in whatever way a user names them.</summary>
public abstract class TaskReferenceCommand : KlingCommand
{
    private const string ByInput = "InputObject";
    private const string ByTaskId = "TaskId";
    private const string ById = "Id";

    private RecordedTasks? _recorded;
    private bool _hasKey;

    /// <summary>Creates the command.</summary>
    protected TaskReferenceCommand() => WarmUp.Begin();

    /// <summary>The tasks: as other commands emit them, as local ids or the service's ids, as anything with a TaskId, or as rows with an Id.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Usage(ByInput, IsRequired = true)]
    [ArgumentCompleter(typeof(TaskCompleter))]
    public PSObject[] InputObject { get; set; } = [];

    /// <summary>The service's ids of the tasks.</summary>
    [Parameter]
    [Usage(ByTaskId, IsRequired = true)]
    [ArgumentCompleter(typeof(TaskCompleter))]
    public string[] TaskId { get; set; } = [];

    /// <summary>The local ids of the tasks.</summary>
    [Parameter]
    [Usage(ById, IsRequired = true)]
    [WholeNumber(IsList = true, Most = long.MaxValue)]
    [ArgumentCompleter(typeof(TaskCompleter))]
    public long[] Id { get; set; } = [];

    /// <inheritdoc/>
    private protected override string HowToGive => TaskReferences.HowToGive;

    /// <summary>The parameter that a value given without a name may have been meant for; <see langword="null"/> if there is none.</summary>
    /// <param name="taken">What was taken for a task.</param>
    private protected virtual string? FindMeant(object taken) => null;

    /// <inheritdoc/>
    private protected override void CheckParameters()
    {
        if (MyInvocation.ExpectingInput && IsGiven(nameof(InputObject)))
        {
            throw TaskReferences.ComeTwice(nameof(InputObject), InputObject, InputObject?.FirstOrDefault() is PSObject taken ? FindMeant(taken.BaseObject) : null, MyInvocation.MyCommand.Name);
        }
    }

    /// <summary>Whether an error means that the command has lost its ledger: it goes on without it, and says so once, at its end.</summary>
    private protected bool IsLedgerLost(KlingException error) => error.Kind == ErrorKind.LedgerUnusable && Context.LostLedger is not null;

    /// <summary>
    /// The tasks that the current input names, each with its record if there is one. A number that no task has, or a text that cannot be an id, is reported at once: for
    /// that, neither a key nor a ledger is needed, and nothing is paid for.
    /// </summary>
    /// <exception cref="KlingException">There is no key, and only the service may know a task.</exception>
    private protected IEnumerable<(TaskReference Reference, KlingVideoTask? Task)> FindReferences()
    {
        foreach (TaskReference reference in ResolveReferences())
        {
            Context.HasTasksInHand |= reference.Task is not null;
            if (TryFind(reference, out KlingVideoTask? task))
            {
                yield return (reference, task);
            }
        }
    }

    private bool TryFind(TaskReference reference, out KlingVideoTask? task)
    {
        task = reference.Task;
        if (task is not null)
        {
            return true;
        }

        try
        {
            RecordedTasks recorded = OpenRecorded();
            task = Await(token => recorded.FindAsync(reference, token));
            return true;
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.TaskNotFound && !reference.MayBeAtService)
        {
            RefuseInput(exception, TaskReferences.TargetOf(reference));
            return false;
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.TaskNotFound)
        {
            return _hasKey || RequireKey(exception);
        }
    }

    /// <summary>The tasks in the ledger; the service is not asked.</summary>
    private protected RecordedTasks OpenRecorded()
    {
        if (_recorded is null)
        {
            (ITaskLedger ledger, string? account) = Context.OpenLedger();
            _recorded = new RecordedTasks(ledger, account);
            _hasKey = account is not null;
        }

        return _recorded;
    }

    /// <summary>Throws the error that there is no key, saying what it is needed for.</summary>
    private protected bool RequireKey(KlingException notFound)
    {
        try
        {
            return Context.Shell.Common.IsWhatIf || Context.Session is not null;
        }
        catch (KlingException exception)
        {
            throw exception.WithMessage($"{notFound.Message} Only the service may know it. {exception.Message}");
        }
    }

    /// <summary>The tasks that the current input names. Input that names none is reported.</summary>
    private protected IEnumerable<TaskReference> ResolveReferences()
        => IsGiven(nameof(Id)) ? Id.Select(id => new TaskReference { Id = id })
            : IsGiven(nameof(TaskId)) ? TaskReferences.FromTaskIds(TaskId, RefuseInput)
            : TaskReferences.Resolve(InputObject, RefuseInput);
}
