using System.Collections.Concurrent;
using System.Globalization;
using KlingPS.Core.Resolving;

namespace KlingPS.Display;

/// <summary>The tasks that a command waits for, and what its user is told of those that go on when he has stopped it. Safe for use from several threads.</summary>
internal sealed class UnfinishedTasks
{
    /// <summary>More than these are not named one by one.</summary>
    public const int MaxNamed = 10;

    private readonly ConcurrentDictionary<long, byte> _ids = new();

    /// <summary>Takes note of a task that is waited for.</summary>
    public void Add(TaskReference reference)
    {
        if (IdOf(reference) is long id)
        {
            _ids[id] = 0;
        }
    }

    /// <summary>Takes note that a task has come out.</summary>
    public void Remove(TaskReference reference)
    {
        if (IdOf(reference) is long id)
        {
            _ids.TryRemove(id, out _);
        }
    }

    /// <summary>What goes on, and the command that brings it; <see langword="null"/> when nothing does.</summary>
    public string? Describe()
    {
        long[] ids = [.. _ids.Keys.Order()];
        return ids.Length == 0 ? null : $"{Describe(ids)} To get what is left: {TakeUp(ids)}";
    }

    /// <summary>What goes on.</summary>
    public static string Describe(IReadOnlyCollection<long> ids)
        => ids.Count == 1 ? "1 video is paid for and still to come; the service goes on with it." : $"{ids.Count} videos are paid for and still to come; the service goes on with them.";

    /// <summary>What has been asked for and not been answered yet; nothing, or a sentence and a space.</summary>
    public static string DescribeUnderWay(int requests) => requests switch
    {
        0 => string.Empty,
        1 => "1 request for a video is under way and is recorded when its answer comes; leave the shell open for that moment. ",
        _ => $"{requests} requests for videos are under way and are recorded when their answers come; leave the shell open for that moment. ",
    };

    /// <summary>The command that brings them.</summary>
    public static string TakeUp(IReadOnlyCollection<long> ids)
    {
        string which = ids.Count <= MaxNamed
            ? $"-Id {string.Join(", ", ids.Select(id => id.ToString(CultureInfo.InvariantCulture)))}"
            : "-State Waiting, Queuing, Generating";
        return $"Get-KlingVideoTask {which} | Wait-KlingVideoTask | Save-KlingVideo";
    }

    private static long? IdOf(TaskReference reference) => reference.Task?.Id ?? reference.Id;
}
