using System.Threading.Channels;

namespace KlingPS.Bridge;

/// <summary>
/// The one place where the pipeline thread waits for asynchronous work. While it waits it does what the work has asked
/// of it: only this thread may write to the streams.
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

    /// <summary>Does what has been asked so far.</summary>
    public void Serve()
    {
        while (_requests.Reader.TryRead(out Action? request))
        {
            request();
        }
    }

    /// <summary>Waits until any of the tasks has ended, without observing how.</summary>
    /// <exception cref="OperationCanceledException">The command is stopped.</exception>
    public void WaitAny(params Task[] tasks)
    {
        while (true)
        {
            _stop.Token.ThrowIfCancellationRequested();
            Serve();
            if (tasks.Any(task => task.IsCompleted))
            {
                return;
            }

            Task asked = _requests.Reader.WaitToReadAsync(_stop.Token).AsTask();
            Task.WhenAny([.. tasks, asked]).GetAwaiter().GetResult();
        }
    }

    /// <summary>Waits for a task and returns its result or throws its exception.</summary>
    public T Wait<T>(Task<T> task)
    {
        WaitAny(task);
        Serve();
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Waits for a task or throws its exception.</summary>
    public void Wait(Task task)
    {
        WaitAny(task);
        Serve();
        task.GetAwaiter().GetResult();
    }

    /// <summary>Stops what still runs. What it asks for from now on is not done.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _requests.Writer.TryComplete();
    }
}
