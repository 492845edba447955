using System.Collections.Concurrent;
using System.Globalization;
using KlingPS.Core.Resolving;

namespace KlingPS.Text;

/// <summary>The tasks that a command waits for, and what its user is told of them when the command is stopped. Safe for use from several threads.</summary>
internal sealed class UnfinishedTasks
{
    /// <summary>More than these are not named one by one.</summary>
    public const int MaxNamed = 10;

    private readonly ConcurrentDictionary<long, byte> _ids = new();

    /// <summary>Adds a task that is waited for.</summary>
    public void Add(TaskReference reference)
    {
        if (IdOf(reference) is long id)
        {
            _ids[id] = 0;
        }
    }

    /// <summary>Removes a task that has come out.</summary>
    public void Remove(TaskReference reference)
    {
        if (IdOf(reference) is long id)
        {
            _ids.TryRemove(id, out _);
        }
    }

    /// <summary>Which tasks are not finished, and the command that gets them; <see langword="null"/> when all are.</summary>
    public string? Describe()
    {
        long[] ids = [.. _ids.Keys.Order()];
        return ids.Length == 0 ? null : $"{Describe(ids.Length)} To get the rest: {Resume(ids)}";
    }

    /// <summary>How many videos are paid for and not finished.</summary>
    public static string Describe(int count) => count == 1
        ? "1 video is paid for and not finished; the service is still making it."
        : $"{count} videos are paid for and not finished; the service is still making them.";

    /// <summary>How many requests have no response yet; nothing, or a sentence and a space.</summary>
    public static string DescribeUnderWay(int requests) => requests switch
    {
        0 => string.Empty,
        1 => "1 request for a video is under way. Its response is recorded when it arrives; leave the shell open until then. ",
        _ => $"{requests} requests for videos are under way. Their responses are recorded when they arrive; leave the shell open until then. ",
    };

    /// <summary>The command that gets the videos.</summary>
    public static string Resume(IReadOnlyCollection<long> ids)
    {
        string which = ids.Count <= MaxNamed
            ? $"-Id {string.Join(", ", ids.Select(id => id.ToString(CultureInfo.InvariantCulture)))}"
            : "-State Waiting, Queuing, Generating";
        return $"Get-KlingVideoTask {which} | Wait-KlingVideoTask | Save-KlingVideo";
    }

    private static long? IdOf(TaskReference reference) => reference.Task?.Id ?? reference.Id;
}
