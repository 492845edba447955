using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Stages;

/// <summary>Runs work on items under a deadline. The work must buy nothing and leave nothing half done.</summary>
internal static class TimedWork
{
    /// <summary>Works on an item for as long as the deadline allows.</summary>
    /// <param name="deadline">The deadline.</param>
    /// <param name="item">The item, as an error names it.</param>
    /// <param name="what">What has not been done with the item when time is up, in words that complete a sentence.</param>
    /// <param name="work">The work.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.WaitTimeout"/>: time is up.</exception>
    public static Task<T> RunAsync<T>(this Deadline deadline, string item, string what, Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
        => deadline.RunAsync(
            work,
            () => new KlingException(ErrorKind.WaitTimeout, $"{item} {what} within {TaskErrors.Describe(deadline.Timeout!.Value)}. Nothing was bought or lost.")
            {
                Advice = "Run the command again, with a longer -Timeout or without one.",
            },
            cancellationToken);
}
