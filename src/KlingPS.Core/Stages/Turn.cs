namespace KlingPS.Core.Stages;

/// <summary>Gives items their places in the order they come. Safe for concurrent use.</summary>
internal sealed class TurnLine
{
    private readonly object _lock = new();
    private Turn? _last;

    /// <summary>Gives the next place in the line.</summary>
    public Turn Next()
    {
        lock (_lock)
        {
            return _last = new Turn(_lock, _last);
        }
    }
}

/// <summary>The place of an item in the line, in the order they came.</summary>
/// <remarks>A folder may have a hundred thousand items, none of which has to wait: so a place is only a link to the next one until somebody waits.</remarks>
internal sealed class Turn
{
    private readonly object _lock;
    private Turn? _next;
    private TaskCompletionSource? _arrival;
    private volatile bool _hasCome;
    private volatile bool _hasPassed;

    /// <summary>Creates the place behind another.</summary>
    /// <param name="line">The lock of the line, which the caller holds.</param>
    /// <param name="previous">The place before it; <see langword="null"/> if it is the first.</param>
    internal Turn(object line, Turn? previous)
    {
        _lock = line;
        _hasCome = previous is null or { _hasCome: true, _hasPassed: true };
        if (!_hasCome)
        {
            previous!._next = this;
        }
    }

    /// <summary>Completes when all items before it have passed and its turn has come.</summary>
    public Task Arrival
    {
        get
        {
            if (_hasCome)
            {
                return Task.CompletedTask;
            }

            lock (_lock)
            {
                return _hasCome ? Task.CompletedTask : (_arrival ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }
        }
    }

    /// <summary>Whether it has passed.</summary>
    public bool HasPassed => _hasPassed;

    /// <summary>Stops holding up those behind it. May be called more than once, and before its turn has come.</summary>
    public void Pass()
    {
        if (_hasPassed)
        {
            return;
        }

        lock (_lock)
        {
            _hasPassed = true;
            for (Turn turn = this; turn is { _hasCome: true, _hasPassed: true, _next: Turn next }; turn = next)
            {
                turn._next = null;
                next._hasCome = true;
                next._arrival?.TrySetResult();
            }
        }
    }
}
