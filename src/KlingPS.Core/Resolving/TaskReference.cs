using KlingPS.Core.Model;

namespace KlingPS.Core.Resolving;

/// <summary>A task as its user names it: by the object itself, by the service's id, or by the local one.</summary>
public sealed record TaskReference
{
    /// <summary>The task itself, as an earlier command handed it on.</summary>
    public KlingVideoTask? Task { get; init; }

    /// <summary>The service's id.</summary>
    public string? TaskId { get; init; }

    /// <summary>The local id.</summary>
    public long? Id { get; init; }

    /// <summary>The reference in words, for messages.</summary>
    public override string ToString() => Task is not null ? $"task {Task.Id} ({Task.Subject})"
        : TaskId is not null ? $"task {TaskId}"
        : $"task {Id}";
}
