using System.Globalization;

namespace KlingPS.Display;

/// <summary>What a user is told of tasks that go on when he has stopped waiting for them.</summary>
internal static class UnfinishedTasks
{
    /// <summary>More than these are not named one by one.</summary>
    public const int MaxNamed = 10;

    /// <summary>What goes on.</summary>
    public static string Describe(IReadOnlyCollection<long> ids)
        => ids.Count == 1 ? "1 video is paid for and still to come; the service goes on with it." : $"{ids.Count} videos are paid for and still to come; the service goes on with them.";

    /// <summary>The command that brings them.</summary>
    public static string TakeUp(IReadOnlyCollection<long> ids)
    {
        string which = ids.Count <= MaxNamed
            ? $"-Id {string.Join(", ", ids.Select(id => id.ToString(CultureInfo.InvariantCulture)))}"
            : "-State Waiting, Queuing, Generating";
        return $"Get-KlingVideoTask {which} | Wait-KlingVideoTask | Save-KlingVideo";
    }
}
