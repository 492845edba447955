using System.Data.Common;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>A piece of work in the <see cref="WriteQueue"/>.</summary>
internal abstract class WriteWork(WriteKind kind, IReadOnlyList<WriteScope> scopes)
{
    public WriteKind Kind => kind;

    public IReadOnlyList<WriteScope> Scopes => scopes;

    /// <summary>Completes the work as cancelled, if it was cancelled before it began.</summary>
    public abstract bool TryCancel();

    /// <returns>Whether it succeeded. If not, its changes have to be undone.</returns>
    public abstract Task<bool> DoAsync(SqlSession session);

    public abstract void Fail(Exception exception);

    /// <summary>Gives the caller the result, which is valid only from now on.</summary>
    public abstract void Complete();
}

/// <inheritdoc/>
internal sealed class WriteWork<T>(Func<SqlSession, Task<T>> work, WriteKind kind, IReadOnlyList<WriteScope> scopes, CancellationToken cancellationToken) : WriteWork(kind, scopes)
{
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _failure;
    private T? _result;

    public Task<T> Done => _done.Task;

    public override bool TryCancel()
    {
        if (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }

        _done.SetCanceled(cancellationToken);
        return true;
    }

    public override async Task<bool> DoAsync(SqlSession session)
    {
        _failure = null;
        try
        {
            _result = await work(session).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is not DbException)
        {
            _failure = e;
            return false;
        }
    }

    public override void Fail(Exception exception) => _failure = exception;

    public override void Complete()
    {
        if (_failure is null)
        {
            _done.SetResult(_result!);
        }
        else
        {
            _done.SetException(_failure);
        }
    }
}
