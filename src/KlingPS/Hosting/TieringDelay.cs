using System.Reflection;
using System.Runtime.CompilerServices;

namespace KlingPS.Hosting;

/// <summary>
/// Keeps .NET from recompiling code that is called often, in order to optimize it, while the shell has little to do. A batch mostly waits for the service,
/// but it calls a few thousand methods some hundred times each, and recompiling them takes several times as long as running them (bench/RESULTS.md).
/// </summary>
/// <remarks>
/// .NET counts calls once no method has been called for the first time for 100 ms, or a second on a single processor; until then, it takes the program to be starting
/// (<c>TC_CallCountingDelayMs</c> in docs/design/features/tiered-compilation.md and src/coreclr/vm/tieredcompilation.cpp of dotnet/runtime). To prepare a method
/// counts as its first call. So one that does nothing is prepared again and again, each time for other types, of which there are enough for almost five minutes of
/// a shell's life. If another version of .NET goes about this in another way, only the processor time is lost.
/// </remarks>
internal sealed class TieringDelay
{
    /// <summary>How often the delay has to be extended. A thread may wake up to 30 ms late.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(70);

    /// <summary>For how long the shell is watched, at least, before it is taken to be busy, or not to be.</summary>
    private static readonly TimeSpan s_watch = TimeSpan.FromSeconds(1);

    /// <summary>A shell that uses more of a processor than this gains by optimized code.</summary>
    private const double Busy = 0.8;

    private static readonly Type[] s_types =
    [
        typeof(bool), typeof(char), typeof(sbyte), typeof(byte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(ulong),
        typeof(float), typeof(double), typeof(decimal), typeof(Guid), typeof(DateTime), typeof(TimeSpan),
    ];

    private readonly TimeProvider _time;
    private readonly Func<TimeSpan> _readProcessorTime;
    private readonly IEnumerator<RuntimeMethodHandle> _uncalled;
    private long _watchedSince;
    private TimeSpan _processorTime;
    private bool _isBusy;

    /// <summary>Creates the delay. Nothing extends it yet.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="readProcessorTime">Reads the processor time that the process has used so far, on all its threads.</param>
    /// <param name="uncalled">Methods that nobody calls; each is prepared once.</param>
    public TieringDelay(TimeProvider time, Func<TimeSpan> readProcessorTime, IEnumerable<RuntimeMethodHandle> uncalled)
    {
        _time = time;
        _readProcessorTime = readProcessorTime;
        _uncalled = uncalled.GetEnumerator();
        _watchedSince = time.GetTimestamp();
        _processorTime = readProcessorTime();
    }

    /// <summary>Instances of a method that nobody calls, for value types, which do not share code: .NET compiles each of them.</summary>
    public static IEnumerable<RuntimeMethodHandle> ListUncalled() => ListUncalled(s_types);

    /// <inheritdoc cref="ListUncalled()"/>
    /// <param name="types">The value types; each combination of three of them gives an instance.</param>
    internal static IEnumerable<RuntimeMethodHandle> ListUncalled(IReadOnlyList<Type> types)
    {
        MethodInfo method = typeof(TieringDelay).GetMethod(nameof(Nothing), BindingFlags.NonPublic | BindingFlags.Static)!;
        return
            from first in types
            from second in types
            from third in types
            select method.MakeGenericMethod(first, second, third).MethodHandle;
    }

    /// <summary>Extends the delay, unless the shell is busy; to be called every <see cref="Interval"/>, by one thread at a time.</summary>
    /// <returns>Whether there is a method left to extend it with.</returns>
    public bool Extend()
    {
        TimeSpan watched = _time.GetElapsedTime(_watchedSince);
        if (watched >= s_watch)
        {
            TimeSpan processorTime = _readProcessorTime();
            _isBusy = processorTime - _processorTime > Busy * watched;
            _processorTime = processorTime;
            _watchedSince = _time.GetTimestamp();
        }

        if (_isBusy)
        {
            return true;
        }

        if (!_uncalled.MoveNext())
        {
            return false;
        }

        RuntimeHelpers.PrepareMethod(_uncalled.Current);
        return true;
    }

    private static void Nothing<T1, T2, T3>()
    {
    }
}
