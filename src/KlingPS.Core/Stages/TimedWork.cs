using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Stages;

/// <summary>Work on items that buys nothing and leaves nothing half done, under a deadline.</summary>
internal static class TimedWork
{
    /// <summary>Does the work on an item for as long as the deadline allows.</summary>
    /// <param name="deadline">The deadline.</param>
    /// <param name="item">The item, as it is named in an error.</param>
    /// <param name="what">What has not happened to the item when the time is over, in words that complete a sentence.</param>
    /// <param name="work">The work.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.WaitTimeout"/>: the time is over.</exception>
    public static Task<T> RunAsync<T>(this Deadline deadline, string item, string what, Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
        => deadline.RunAsync(
            work,
            () => new KlingException(ErrorKind.WaitTimeout, $"{item} {what} within {TaskErrors.Describe(deadline.Timeout!.Value)}. Nothing was bought or lost.")
            {
                Advice = "Run the command again, with a longer -Timeout or without one.",
            },
            cancellationToken);
}
