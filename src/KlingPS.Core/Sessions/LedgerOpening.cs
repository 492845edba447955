using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Sessions;

/// <summary>Opens a ledger that somebody else may keep locked: says so, and does not wait for longer than the command may take.</summary>
internal static class LedgerOpening
{
    /// <summary>Others hold the ledger for milliseconds; creating one on a busy machine may take seconds.</summary>
    private static readonly TimeSpan s_toldAfter = TimeSpan.FromSeconds(5);

    /// <summary>Opens it.</summary>
    /// <param name="open">Opens it. What cannot be broken off continues on its own.</param>
    /// <param name="location">Where it is.</param>
    /// <param name="limit">How long that may take; as long as the database waits for others when it is <see langword="null"/>.</param>
    /// <param name="observer">Notified when others are waited for.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.WaitTimeout"/>: the time is over. <see cref="ErrorKind.LedgerUnusable"/>: it cannot be opened.</exception>
    public static async Task OpenAsync(
        Func<CancellationToken, Task> open, string location, TimeSpan? limit, IPipelineObserver? observer, TimeProvider time, CancellationToken cancellationToken)
    {
        using var deadline = new Deadline(time, limit);
        await deadline.RunAsync(
            async token =>
            {
                Task opening = open(token);
                try
                {
                    await opening.WaitAsync(s_toldAfter, time, token).ConfigureAwait(false);
                }
                catch (TimeoutException) when (!opening.IsCompleted)
                {
                    observer?.OnWarning($"The ledger '{location}' is not open after 5 seconds: " + (LedgerAddress.IsOfServer(location)
                        ? "the server, or something on the way to it, does not answer, or others keep it locked. Waiting for it a little longer."
                        : "another process keeps it locked, or the disk that it is on is slow. Waiting for it. If a shell that uses it is stopped or hangs, end its process."));
                    await opening.WaitAsync(token).ConfigureAwait(false);
                }
                finally
                {
                    _ = opening.ContinueWith(ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
                }

                return true;
            },
            () => new KlingException(ErrorKind.WaitTimeout, $"The ledger '{location}' could not be opened within {TaskErrors.Describe(deadline.Timeout!.Value)}, most likely because another process keeps it locked. Nothing was sent or bought.")
            {
                Advice = "Close the shell that uses the ledger and is stopped or hangs, then run the command again.",
            },
            cancellationToken).ConfigureAwait(false);
    }
}
