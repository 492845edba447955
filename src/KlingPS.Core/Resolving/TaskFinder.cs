using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Resolving;

/// <summary>Finds tasks: in the ledger, or at the service for those that the ledger does not know.</summary>
public sealed class TaskFinder
{
    private readonly KlingSession _session;
    private readonly KlingClient _client;

    /// <summary>Creates the resolver.</summary>
    public TaskFinder(KlingService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        _session = service.Session;
        _client = service.Client;
    }

    /// <summary>Finds a task.</summary>
    /// <param name="reference">How the user names it.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>The task, as the ledger has it now.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.TaskNotFound"/>: neither the ledger nor the service knows it. Otherwise the service could not be asked.</exception>
    public async Task<KlingVideoTask> ResolveAsync(TaskReference reference, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reference);
        KlingVideoTask task = await FindAsync(reference, cancellationToken).ConfigureAwait(false);
        task = task with { IsFailureReported = reference.Task?.IsFailureReported ?? false };

        // Thousands are waited for at the same time, and most have not changed: one copy of each is enough.
        return task == reference.Task ? reference.Task : task;
    }

    /// <summary>Asks the service how a task stands, and records it.</summary>
    /// <param name="task">The task; one without the service's id is returned as it is.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<KlingVideoTask> RefreshAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.TaskId is null ? task : await AskAsync(task.TaskId, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Finds a task in the ledger; asks no one else.</summary>
    /// <param name="reference">How the user names it.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.TaskNotFound"/>: the ledger does not have it, or it is another account's.</exception>
    public async Task<KlingVideoTask> FindRecordedAsync(TaskReference reference, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reference);
        if ((reference.TaskId ?? reference.Task?.TaskId) is string taskId)
        {
            return await _session.Ledger.Tasks.FindByTaskIdAsync(_session.Account, taskId, cancellationToken).ConfigureAwait(false)
                ?? throw new KlingException(ErrorKind.TaskNotFound, $"There is no task '{taskId}' of this account in the ledger.");
        }

        long id = reference.Id ?? reference.Task?.Id ?? 0;
        KlingVideoTask? task = await _session.Ledger.Tasks.FindAsync(id, cancellationToken).ConfigureAwait(false);
        return task is null ? throw new KlingException(ErrorKind.TaskNotFound, $"There is no task {id} in the ledger.")
            : task.Account == _session.Account ? task
            : throw new KlingException(ErrorKind.TaskNotFound, $"Task {id} belongs to another account than the one you are connected to.");
    }

    /// <summary>A task that the ledger does not have was bought elsewhere, or before it: the service knows it if anyone does.</summary>
    private async Task<KlingVideoTask> FindAsync(TaskReference reference, CancellationToken cancellationToken)
        => (reference.TaskId ?? reference.Task?.TaskId) is not string taskId
            ? await FindRecordedAsync(reference, cancellationToken).ConfigureAwait(false)
            : await _session.Ledger.Tasks.FindByTaskIdAsync(_session.Account, taskId, cancellationToken).ConfigureAwait(false)
                ?? await AskAsync(taskId, cancellationToken).ConfigureAwait(false);

    private async Task<KlingVideoTask> AskAsync(string taskId, CancellationToken cancellationToken)
    {
        TaskSnapshot snapshot = await _client.QueryTaskAsync(taskId, cancellationToken).ConfigureAwait(false);
        return await _session.Ledger.Tasks.RecordSnapshotAsync(_session.Account, snapshot).ConfigureAwait(false);
    }
}
