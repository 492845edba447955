using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Resolving;
using KlingPS.Parameters;

namespace KlingPS.Commands.Base;

/// <summary>A command that takes tasks, in whatever way a user names them.</summary>
public abstract class TaskReferenceCommand : KlingCommand
{
    private const string ByInput = "InputObject";
    private const string ByTaskId = "TaskId";
    private const string ById = "Id";

    /// <summary>The tasks: as other commands emit them, as local ids or the service's ids, or as anything with a TaskId or an Id.</summary>
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
    [ArgumentCompleter(typeof(TaskCompleter))]
    public long[] Id { get; set; } = [];

    /// <inheritdoc/>
    private protected override string HowToGive => TaskReferences.HowToGive;

    /// <summary>Whether an error is that of a ledger which the command has lost: it goes on without it, and tells so once, at its end.</summary>
    private protected bool IsLedgerLost(KlingException error) => error.Kind == ErrorKind.LedgerUnusable && Context.Service.Loss.Error is not null;

    /// <summary>The tasks that the current input names. Input that names none is reported.</summary>
    private protected IEnumerable<TaskReference> ResolveReferences()
        => IsGiven(nameof(Id)) ? Id.Select(id => new TaskReference { Id = id })
            : IsGiven(nameof(TaskId)) ? TaskReferences.FromTaskIds(TaskId, RefuseInput)
            : TaskReferences.Resolve(InputObject, RefuseInput);
}
