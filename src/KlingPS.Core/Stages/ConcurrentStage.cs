using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace KlingPS.Core.Stages;

/// <summary>Works on several items at the same time, and hands out each result as soon as its turn has come.</summary>
/// <typeparam name="TIn">An item.</typeparam>
/// <typeparam name="TOut">What becomes of it.</typeparam>
/// <remarks>One caller posts and reads. The work reports its failures as results; an exception from it ends the stage.</remarks>
internal sealed class ConcurrentStage<TIn, TOut> : IPipelineStage<TIn, TOut>
{
    private readonly Func<TIn, CancellationToken, Task<TOut>> _work;
    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Task<TOut>> _started = Channel.CreateUnbounded<Task<TOut>>(new UnboundedChannelOptions { SingleWriter = true });
    private readonly Channel<TOut> _results = Channel.CreateUnbounded<TOut>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Creates the stage.</summary>
    /// <param name="work">What is done with an item.</param>
    /// <param name="limit">How many items are worked on at the same time.</param>
    /// <param name="inOrder">Whether results come in the order of the items, or in the order of finishing.</param>
    public ConcurrentStage(Func<TIn, CancellationToken, Task<TOut>> work, int limit, bool inOrder)
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
        CancellationToken stop = _stop.Token;
        stop.ThrowIfCancellationRequested();
        await _started.Writer.WriteAsync(Task.Run(() => RunAsync(item, stop), CancellationToken.None), CancellationToken.None).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Complete() => _started.Writer.TryComplete();

    /// <inheritdoc/>
    public void Dispose()
    {
        Complete();
        _stop.Cancel();
    }

    private async Task<TOut> RunAsync(TIn item, CancellationToken stop)
    {
        try
        {
            return await _work(item, stop).ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ended the work is carried to the reader of the results.")]
    private async Task CollectAsync(bool inOrder)
    {
        try
        {
            if (inOrder)
            {
                await foreach (Task<TOut> work in _started.Reader.ReadAllAsync().ConfigureAwait(false))
                {
                    await HandOutAsync(work).ConfigureAwait(false);
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
        await foreach (Task<TOut> work in _started.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            Interlocked.Increment(ref open);
            _ = FinishAsync(work);
        }

        Leave();
        await over.Task.ConfigureAwait(false);

        async Task FinishAsync(Task<TOut> work)
        {
            try
            {
                await HandOutAsync(work).ConfigureAwait(false);
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

    private async Task HandOutAsync(Task<TOut> work)
        => await _results.Writer.WriteAsync(await work.ConfigureAwait(false), CancellationToken.None).ConfigureAwait(false);
}
