using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using KlingPS.Core.Sessions;

namespace KlingPS.Sessions;

/// <summary>
/// Ends sessions: purchases that are under way are recorded first, and the ledger is closed when nobody uses it any more. If nothing
/// comes after, at the end of a runspace, of the module or of the process, this is waited for briefly.
/// </summary>
internal static class SessionEnd
{
    /// <summary>How long the end of something is delayed for purchases that are under way. What takes longer is recorded if the process lives on.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    /// <summary>
    /// What ends a process from outside, so that it can end in order: a service or container that is stopped, a machine that shuts down, and a
    /// terminal that is closed. Without a handler, .NET 10 lets such a process die at once.
    /// </summary>
    private static readonly PosixSignal[] s_endings = [PosixSignal.SIGTERM, PosixSignal.SIGHUP];

    private static readonly ConcurrentDictionary<Task, byte> s_closing = new();

    /// <summary>Kept, because a registration that is collected ends.</summary>
    private static readonly List<PosixSignalRegistration> s_signals = [];
    private static int s_isWatching;

    /// <summary>Ends a session in the background.</summary>
    public static Task Begin(KlingSession? session)
    {
        if (session is null)
        {
            return Task.CompletedTask;
        }

        Task closing = Task.Run(async () => await session.DisposeAsync().ConfigureAwait(false));
        s_closing.TryAdd(closing, 0);
        _ = closing.ContinueWith(static done => s_closing.TryRemove(done, out _), TaskScheduler.Default);
        return closing;
    }

    /// <summary>Waits until something has ended, but not for long: called where nobody else can wait for it.</summary>
    public static void Await(params Task[] closing)
    {
        try
        {
            Task.WaitAll(closing, s_patience);
        }
        catch (AggregateException)
        {
            // If something could not be closed, it is as if the process had been killed: everything that matters is recorded.
        }
    }

    /// <summary>Has everything closed when the process ends.</summary>
    /// <param name="release">Begins to end the present sessions.</param>
    /// <param name="end">Ends what the sessions need as long as there are any.</param>
    public static void WatchProcess(Action release, Action end)
    {
        if (Interlocked.Exchange(ref s_isWatching, 1) == 0)
        {
            AppDomain.CurrentDomain.ProcessExit += (_, _) => EndAll();

            // What the signal does comes after that, and is left as it is: mostly it ends the process.
            s_signals.AddRange(s_endings.Select(signal => PosixSignalRegistration.Create(signal, _ => EndAll())));
        }

        void EndAll()
        {
            release();
            Await([.. s_closing.Keys]);
            Await(Task.Run(Ledgers.CloseAllAsync));
            end();
        }
    }
}
