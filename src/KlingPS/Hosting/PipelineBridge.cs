using System.Management.Automation;
using System.Threading.Channels;

namespace KlingPS.Hosting;

/// <summary>
/// The one place where the pipeline thread waits for asynchronous work. While it waits, it does what that work has posted:
/// only this thread may write to the streams.
/// </summary>
internal sealed class PipelineBridge : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Action> _requests = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Cancelled when the user or the pipeline stops the command.</summary>
    public CancellationToken StopToken => _stop.Token;

    /// <summary>Stops the command; called from another thread.</summary>
    public void Stop() => _stop.Cancel();

    /// <summary>Asks the pipeline thread to do something; called from any thread.</summary>
    public void Post(Action request) => _requests.Writer.TryWrite(request);

    /// <summary>Starts asynchronous work, waits for it, and returns its result or throws its exception.</summary>
    /// <exception cref="PipelineStoppedException">The command was stopped.</exception>
    public T Run<T>(Func<CancellationToken, Task<T>> work) => Wait(Task.Run(() => work(StopToken)));

    /// <inheritdoc cref="Run{T}"/>
    public void Run(Func<CancellationToken, Task> work) => Run(async token =>
    {
        await work(token).ConfigureAwait(false);
        return true;
    });

    /// <summary>What comes in pages, item by item: the thread waits for each page, but for no item of it.</summary>
    /// <exception cref="PipelineStoppedException">The command was stopped.</exception>
    public IEnumerable<T> Enumerate<T>(Func<CancellationToken, IAsyncEnumerable<IReadOnlyList<T>>> read)
    {
        IAsyncEnumerator<IReadOnlyList<T>> pages = read(StopToken).GetAsyncEnumerator(StopToken);
        try
        {
            while (Run(_ => pages.MoveNextAsync().AsTask()))
            {
                foreach (T item in pages.Current)
                {
                    yield return item;
                }
            }
        }
        finally
        {
            // Whoever reads no further has the page that was read last.
            _ = pages.DisposeAsync().AsTask();
        }
    }

    /// <summary>Waits for a task and returns its result or throws its exception.</summary>
    /// <exception cref="PipelineStoppedException">The command was stopped.</exception>
    public T Wait<T>(Task<T> task)
    {
        WaitAny(task);
        return Unwrap(() =>
        {
            Serve();
            return task.GetAwaiter().GetResult();
        });
    }

    /// <summary>Waits until any of the tasks has ended, without observing how.</summary>
    /// <exception cref="PipelineStoppedException">The command was stopped.</exception>
    public void WaitAny(params Task[] tasks) => Unwrap(() =>
    {
        while (true)
        {
            _stop.Token.ThrowIfCancellationRequested();
            Serve();
            if (tasks.Any(task => task.IsCompleted))
            {
                return true;
            }

            Task asked = _requests.Reader.WaitToReadAsync(_stop.Token).AsTask();
            Task.WhenAny([.. tasks, asked]).GetAwaiter().GetResult();
        }
    });

    /// <summary>Stops what is still running. What it posts from now on is not done.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _requests.Writer.TryComplete();
    }

    private void Serve()
    {
        while (_requests.Reader.TryRead(out Action? request))
        {
            request();
        }
    }

    /// <summary>Turns a cancelled wait into PowerShell's own way of stopping.</summary>
    private T Unwrap<T>(Func<T> wait)
    {
        try
        {
            return wait();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
    }
}
