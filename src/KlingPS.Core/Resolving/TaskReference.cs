using KlingPS.Core.Model;

namespace KlingPS.Core.Resolving;

/// <summary>A task as the user names it: by the object itself, the service's id, or the local id.</summary>
internal sealed record TaskReference
{
    /// <summary>The task itself, as an earlier command emitted it.</summary>
    public KlingVideoTask? Task { get; init; }

    /// <summary>The service's id.</summary>
    public string? TaskId { get; init; }

    /// <summary>The local id.</summary>
    public long? Id { get; init; }

    /// <summary>The service's id, whichever way the task is named.</summary>
    internal string? ServiceId => TaskId ?? Task?.TaskId;

    /// <summary>Whether the service may know the task if the ledger does not.</summary>
    internal bool MayBeAtService => ServiceTaskId.IsValid(ServiceId);

    /// <summary>The reference in words, for messages.</summary>
    public override string ToString() => (Task, TaskId) switch
    {
        (KlingVideoTask task, _) => $"task {task.Id} ({task.Subject})",
        (_, string taskId) => $"task {ServiceTaskId.Describe(taskId)}",
        _ => $"task {Id}",
    };
}
