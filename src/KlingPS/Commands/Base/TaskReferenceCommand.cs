using System.Management.Automation;
using KlingPS.Core.Resolving;
using KlingPS.Parameters;

namespace KlingPS.Commands.Base;

/// <summary>A command that takes tasks, in whatever way a user names them.</summary>
public abstract class TaskReferenceCommand : KlingCommand
{
    private protected const string InputObjectSet = "InputObject";
    private const string TaskIdSet = "TaskId";
    private const string IdSet = "Id";

    /// <summary>The tasks: as other commands emit them, as local ids or the service's ids, or as anything with a TaskId or an Id.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = InputObjectSet)]
    [ArgumentCompleter(typeof(TaskCompleter))]
    public PSObject[] InputObject { get; set; } = [];

    /// <summary>The service's ids of the tasks.</summary>
    [Parameter(Mandatory = true, ParameterSetName = TaskIdSet)]
    [ArgumentCompleter(typeof(TaskCompleter))]
    public string[] TaskId { get; set; } = [];

    /// <summary>The local ids of the tasks.</summary>
    [Parameter(Mandatory = true, ParameterSetName = IdSet)]
    [ArgumentCompleter(typeof(TaskCompleter))]
    public long[] Id { get; set; } = [];

    /// <summary>The tasks that the current input names. Input that names none is reported.</summary>
    private protected IEnumerable<TaskReference> ResolveReferences() => ParameterSetName switch
    {
        IdSet => Id.Select(id => new TaskReference { Id = id }),
        TaskIdSet => TaskReferences.FromTaskIds(TaskId, WriteError),
        _ => TaskReferences.Resolve(InputObject, WriteError),
    };
}
