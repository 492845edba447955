using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Sessions;

/// <summary>
/// The gate for the queries of a command. If the ledger that has the gate is lost, the command asks for the tasks it still waits for at a
/// pace of its own, which leaves room for other machines: a query buys nothing, and one too many is asked again.
/// </summary>
/// <param name="shared">The gate that all processes pass together.</param>
/// <param name="loss">Whether the ledger is lost.</param>
/// <param name="time">The clock to wait by.</param>
internal sealed class QueryPace(IRateGate shared, LedgerLoss loss, TimeProvider time) : IRateGate
{
    /// <summary>A fifth of what the service takes.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(0.5);

    private readonly object _lock = new();
    private Instant? _next;

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        if (loss.Error is null)
        {
            try
            {
                return await shared.EnterAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (KlingException exception) when (loss.Note(exception))
            {
            }
        }

        TimeSpan wait;
        lock (_lock)
        {
            var now = Instant.Now(time);
            Instant turn = _next is Instant next && next > now ? next : now;
            wait = turn - now;
            _next = turn + s_interval;
        }

        await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
        return Pass.Instance;
    }

    private sealed class Pass : IAsyncDisposable
    {
        public static readonly Pass Instance = new();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
