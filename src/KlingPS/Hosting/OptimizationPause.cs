using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace KlingPS.Hosting;

/// <summary>Has .NET optimize nothing again while anyone asks for that, with <see cref="TieringDelay"/>.</summary>
/// <param name="createDelay">Creates the delay that is extended meanwhile; called once.</param>
/// <remarks>A thread does it, because a timer takes several times as much processor time: it wakes threads of the pool, which look for more work.</remarks>
internal sealed class OptimizationPause(Func<TieringDelay> createDelay)
{
    private readonly object _lock = new();
    private TieringDelay? _delay;
    private int _holds;
    private bool _hasThread;

    /// <summary>The pause of this process.</summary>
    public static OptimizationPause Shared { get; } = new(() => new(TimeProvider.System, ReadProcessorTime, TieringDelay.ListUncalled()));

    /// <summary>Whether it lasts: it also ends when it cannot be kept up any longer.</summary>
    internal bool IsUnderWay
    {
        get
        {
            lock (_lock)
            {
                return _hasThread;
            }
        }
    }

    /// <summary>Asks for the pause until the result is disposed.</summary>
    public IDisposable Hold()
    {
        lock (_lock)
        {
            _holds++;
            if (!_hasThread)
            {
                _hasThread = true;
                new Thread(Last) { IsBackground = true, Name = nameof(OptimizationPause) }.Start();
            }
        }

        return new Held(this);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever it is, all else goes on without the pause; an exception on this thread would end the shell.")]
    private void Last()
    {
        lock (_lock)
        {
            try
            {
                _delay?.Watch();
                do
                {
                    // What ends soon costs nothing.
                    Monitor.Wait(_lock, TieringDelay.Interval);
                }
                while (_holds > 0 && (_delay ??= createDelay()).Extend());
            }
            catch (Exception)
            {
            }

            _hasThread = false;
        }
    }

    private void Release()
    {
        lock (_lock)
        {
            _holds--;
            Monitor.Pulse(_lock);
        }
    }

    private static TimeSpan ReadProcessorTime()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime;
    }

    private sealed class Held(OptimizationPause pause) : IDisposable
    {
        private OptimizationPause? _pause = pause;

        public void Dispose() => Interlocked.Exchange(ref _pause, null)?.Release();
    }
}
