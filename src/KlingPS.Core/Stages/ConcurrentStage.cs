using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace KlingPS.Core.Stages;

/// <summary>Works on several items at the same time, and hands out each result as soon as its turn has come.</summary>
/// <typeparam name="TIn">An item.</typeparam>
/// <typeparam name="TOut">What becomes of it.</typeparam>
/// <remarks>One caller posts and reads. The work reports its failures as results; an exception from it ends the stage.</remarks>
internal sealed class ConcurrentStage<TIn, TOut> : IPipelineStage<TIn, TOut>
{
    /// <summary>Items in the first part of their work: enough to have all processors busy, and few enough to take no memory worth speaking of.</summary>
    private const int MaxBeginning = 64;

    private readonly Func<TIn, Action, CancellationToken, Task<TOut>> _work;
    private readonly SemaphoreSlim _beginning = new(MaxBeginning);
    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Started> _started = Channel.CreateUnbounded<Started>(new UnboundedChannelOptions { SingleWriter = true });
    private readonly TurnLine _line = new();
    private readonly Channel<TOut> _results = Channel.CreateUnbounded<TOut>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Creates the stage.</summary>
    /// <param name="work">What is done with an item.</param>
    /// <param name="limit">How many items are worked on at the same time.</param>
    /// <param name="inOrder">Whether results come in the order of the items, or in the order of finishing.</param>
    public ConcurrentStage(Func<TIn, CancellationToken, Task<TOut>> work, int limit, bool inOrder)
        : this(
            (item, pass, stop) =>
            {
                pass();
                return work(item, stop);
            },
            limit,
            inOrder)
    {
    }

    /// <summary>
    /// Creates a stage whose results come in the order of finishing; but those of items that end in the first part of their work, such as
    /// images that cannot be read, come in the order of the items.
    /// </summary>
    /// <param name="work">What is done with an item. It says when the first part is over.</param>
    /// <param name="limit">How many items are worked on at the same time.</param>
    public ConcurrentStage(Func<TIn, Action, CancellationToken, Task<TOut>> work, int limit)
        : this(work, limit, inOrder: false)
    {
    }

    private ConcurrentStage(Func<TIn, Action, CancellationToken, Task<TOut>> work, int limit, bool inOrder)
    {
        _work = work;
        _slots = new SemaphoreSlim(limit);
        _ = CollectAsync(inOrder);
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
        Turn turn = _line.Next();
        await _started.Writer.WriteAsync(new Started(RunAsync(item, turn, stop), turn), CancellationToken.None).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Complete() => _started.Writer.TryComplete();

    /// <inheritdoc/>
    public void Dispose()
    {
        Complete();
        _stop.Cancel();
    }

    private async Task<TOut> RunAsync(TIn item, Turn turn, CancellationToken stop)
    {
        // The caller goes on, and the pool does the work.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        int hasBegun = 0;
        try
        {
            return await _work(item, Pass, stop).ConfigureAwait(false);
        }
        finally
        {
            MakeRoom();
            _slots.Release();
        }

        void Pass()
        {
            turn.Pass();
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

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the work is carried to the reader of the results.")]
    private async Task CollectAsync(bool inOrder)
    {
        try
        {
            if (inOrder)
            {
                await foreach (Started started in _started.Reader.ReadAllAsync().ConfigureAwait(false))
                {
                    await HandOutAsync(started).ConfigureAwait(false);
                }
            }
            else
            {
                await HandOutAsTheyFinishAsync().ConfigureAwait(false);
            }

            _results.Writer.TryComplete();
        }
        catch (Exception exception)
        {
            _results.Writer.TryComplete(exception);
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the work is carried to the reader of the results.")]
    private async Task HandOutAsTheyFinishAsync()
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int open = 1;
        await foreach (Started started in _started.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            Interlocked.Increment(ref open);
            _ = FinishAsync(started);
        }

        Leave();
        await over.Task.ConfigureAwait(false);

        async Task FinishAsync(Started started)
        {
            try
            {
                await HandOutAsync(started).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                _results.Writer.TryComplete(exception);
            }

            Leave();
        }

        void Leave()
        {
            if (Interlocked.Decrement(ref open) == 0)
            {
                over.TrySetResult();
            }
        }
    }

    private async Task HandOutAsync(Started started)
    {
        try
        {
            TOut result = await started.Work.ConfigureAwait(false);
            if (!started.Turn.HasPassed)
            {
                await started.Turn.Arrival.ConfigureAwait(false);
            }

            await _results.Writer.WriteAsync(result, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            started.Turn.Pass();
        }
    }

    /// <param name="Work">The work on an item.</param>
    /// <param name="Turn">Its place among the others.</param>
    private sealed record Started(Task<TOut> Work, Turn Turn);
}
