using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace KlingPS.Core.Stages;

/// <summary>Works on several items at the same time, and hands out each result when its turn comes.</summary>
/// <typeparam name="TIn">An item.</typeparam>
/// <typeparam name="TOut">What becomes of it.</typeparam>
/// <remarks>One caller posts and reads. The work reports its failures as results; an exception from it ends the stage.</remarks>
internal sealed class ConcurrentStage<TIn, TOut> : IPipelineStage<TIn, TOut>
{
    /// <summary>Items in the first part of their work: enough to keep all processors busy, few enough to take little memory.</summary>
    private const int MaxBeginning = 64;

    private readonly Func<TIn, Action, CancellationToken, Task<TOut>> _work;
    private readonly bool _inOrder;
    private readonly SemaphoreSlim _beginning = new(MaxBeginning);
    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _stop = new();
    private readonly TurnLine _line = new();
    private readonly Channel<TOut> _results = Channel.CreateUnbounded<TOut>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>The items that have not come out yet, plus one while more may be posted.</summary>
    private int _open = 1;
    private int _isComplete;

    /// <summary>Creates the stage.</summary>
    /// <param name="work">The work on an item.</param>
    /// <param name="limit">How many items are worked on at the same time.</param>
    /// <param name="inOrder">Whether results come in the order of the items rather than as they finish.</param>
    public ConcurrentStage(Func<TIn, CancellationToken, Task<TOut>> work, int limit, bool inOrder)
        : this(
            (item, begun, stop) =>
            {
                begun();
                return work(item, stop);
            },
            limit,
            inOrder)
    {
    }

    /// <summary>
    /// Creates a stage whose results come as they finish; but those of items that end in the first part of their work, such as
    /// images that cannot be read, come in the order of the items.
    /// </summary>
    /// <param name="work">The work on an item. It says when the first part is over.</param>
    /// <param name="limit">How many items are worked on at the same time.</param>
    public ConcurrentStage(Func<TIn, Action, CancellationToken, Task<TOut>> work, int limit)
        : this(work, limit, inOrder: false)
    {
    }

    private ConcurrentStage(Func<TIn, Action, CancellationToken, Task<TOut>> work, int limit, bool inOrder)
    {
        _work = work;
        _inOrder = inOrder;
        _slots = new SemaphoreSlim(limit);
    }

    /// <inheritdoc/>
    public ChannelReader<TOut> Results => _results.Reader;

    /// <inheritdoc/>
    public async Task PostAsync(TIn item, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        await _beginning.WaitAsync(cancellationToken).ConfigureAwait(false);
        CancellationToken stop = _stop.Token;
        stop.ThrowIfCancellationRequested();
        Interlocked.Increment(ref _open);
        _ = RunAsync(item, _line.Next(), stop);
    }

    /// <inheritdoc/>
    public void Complete()
    {
        if (Interlocked.Exchange(ref _isComplete, 1) == 0)
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Complete();
        _stop.Cancel();
    }

    /// <summary>Works on an item and hands out its result.</summary>
    /// <remarks>Ten thousand items may be under way at once, so each has only this one method waiting for it.</remarks>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the work is passed on to the reader of the results.")]
    private async Task RunAsync(TIn item, Turn turn, CancellationToken stop)
    {
        // The caller goes on, and the pool does the work.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        int hasBegun = 0;
        try
        {
            TOut result;
            try
            {
                result = await _work(item, Begun, stop).ConfigureAwait(false);
            }
            finally
            {
                MakeRoom();
                _slots.Release();
            }

            if (!turn.HasPassed)
            {
                await turn.Arrival.ConfigureAwait(false);
            }

            _results.Writer.TryWrite(result);
        }
        catch (Exception exception)
        {
            if (_inOrder)
            {
                await turn.Arrival.ConfigureAwait(false);
            }

            _results.Writer.TryComplete(exception);
        }

        turn.Pass();
        Leave();

        void Begun()
        {
            if (!_inOrder)
            {
                turn.Pass();
            }

            MakeRoom();
        }

        void MakeRoom()
        {
            if (Interlocked.Exchange(ref hasBegun, 1) == 0)
            {
                _beginning.Release();
            }
        }
    }

    /// <summary>Counts down the open items. After the last one, the results end.</summary>
    private void Leave()
    {
        if (Interlocked.Decrement(ref _open) == 0)
        {
            _results.Writer.TryComplete();
        }
    }
}
