using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace KlingPS.Hosting;

/// <summary>Keeps .NET from optimizing code anew for as long as anyone asks for that, by extending its <see cref="TieringDelay"/>.</summary>
/// <param name="createDelay">Creates the delay; called once.</param>
/// <remarks>A thread does it, because a timer takes several times as much processor time: it wakes threads of the pool, which look for more work.</remarks>
internal sealed class OptimizationPause(Func<TieringDelay> createDelay)
{
    private readonly object _lock = new();
    private TieringDelay? _delay;
    private int _holds;
    private bool _hasThread;
    private bool _isOver;

    /// <summary>The pause of this process.</summary>
    public static OptimizationPause Shared { get; } = new(() => new(TimeProvider.System, ReadProcessorTime, TieringDelay.ListUncalled()));

    /// <summary>Whether it is kept up.</summary>
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

    /// <summary>Asks for the pause until the result is disposed. If it cannot be kept up, or no longer, nothing happens.</summary>
    public IDisposable Hold()
    {
        lock (_lock)
        {
            _holds++;
            if (!_hasThread && !_isOver)
            {
                _hasThread = TryStart();
            }
        }

        return new Held(this);
    }

    private bool TryStart()
    {
        try
        {
            new Thread(KeepUp) { IsBackground = true, Name = nameof(OptimizationPause) }.UnsafeStart();
            return true;
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            // The system allows no more threads.
            return false;
        }
    }

    /// <summary>Extends the delay until nobody asks for it at one of its turns, so that one command after another is served by one thread.</summary>
    private void KeepUp()
    {
        while (true)
        {
            Thread.Sleep(TieringDelay.Interval);
            lock (_lock)
            {
                if (_holds == 0)
                {
                    _hasThread = false;
                    return;
                }
            }

            if (!TryExtend())
            {
                lock (_lock)
                {
                    _isOver = true;
                    _hasThread = false;
                    return;
                }
            }
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever it is, all else goes on without the pause; an exception on this thread would end the shell.")]
    private bool TryExtend()
    {
        try
        {
            return (_delay ??= createDelay()).Extend();
        }
        catch (Exception)
        {
            return false;
        }
    }

    private void Release()
    {
        lock (_lock)
        {
            _holds--;
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
