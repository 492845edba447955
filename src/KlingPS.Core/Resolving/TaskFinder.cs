using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Resolving;

/// <summary>Finds tasks: in the ledger, or at the service if the ledger does not have them.</summary>
internal sealed class TaskFinder
{
    private readonly KlingSession _session;
    private readonly KlingService _service;
    private readonly RecordedTasks _recorded;
    private readonly ServiceQuestions? _questions;

    /// <summary>Creates the finder.</summary>
    /// <param name="service">The service and the ledger.</param>
    /// <param name="questions">The questions that these are given up with; <see langword="null"/> if each is asked.</param>
    public TaskFinder(KlingService service, ServiceQuestions? questions = null)
    {
        ArgumentNullException.ThrowIfNull(service);
        _questions = questions;
        _service = service;
        _session = service.Session;
        _recorded = new RecordedTasks(service.Session.Ledger, service.Session.Account);
    }

    /// <summary>Finds a task.</summary>
    /// <param name="reference">How the user names it.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>The task, as the ledger records it now; of one that was bought with another ledger, with what the given task says about its files.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.TaskNotFound"/>: neither the ledger nor the service knows it. Otherwise the service could not be asked.
    /// </exception>
    public async Task<KlingVideoTask> FindAsync(TaskReference reference, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reference);
        KlingVideoTask task = await FindOrQueryAsync(reference, cancellationToken).ConfigureAwait(false);
        task = task.DescribedAs(reference.Task) with { IsFailureReported = reference.Task?.IsFailureReported ?? false };

        // Thousands may be waited for at the same time, and most have not changed: one copy of each is enough.
        return task == reference.Task ? reference.Task : task;
    }

    /// <summary>Finds a task in the ledger; the service is not asked.</summary>
    /// <inheritdoc cref="RecordedTasks.FindAsync"/>
    public Task<KlingVideoTask> FindRecordedAsync(TaskReference reference, CancellationToken cancellationToken) => _recorded.FindAsync(reference, cancellationToken);

    /// <summary>Asks the service for the state of a task, and records it.</summary>
    /// <param name="task">The task; one without the service's id is returned as it is.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<KlingVideoTask> RefreshAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.TaskId is null ? task : await QueryAsync(task.TaskId, task, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A task that the ledger does not have was bought elsewhere, or before there was a ledger: only the service may know it.</summary>
    private async Task<KlingVideoTask> FindOrQueryAsync(TaskReference reference, CancellationToken cancellationToken)
    {
        if (reference.ServiceId is not string taskId)
        {
            return await FindRecordedAsync(reference, cancellationToken).ConfigureAwait(false);
        }

        if (await _recorded.FindByTaskIdAsync(taskId, cancellationToken).ConfigureAwait(false) is KlingVideoTask recorded)
        {
            return recorded;
        }

        try
        {
            return await QueryAsync(taskId, before: null, cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.TaskNotFound)
        {
            if (await _recorded.FindOthersAsync(taskId, cancellationToken).ConfigureAwait(false) is KlingVideoTask other)
            {
                throw RecordedTasks.CreateOthersException(other, exception);
            }

            KlingException unknown = exception.WithMessage($"{exception.Message} Nor is it in the ledger '{_session.Ledger.Location}'.");
            if (reference.Task is not null)
            {
                unknown.Advice = $"{RecordedTasks.UseItsLedger}, and connect with the key that it was made with. The tasks of a sandbox that was stopped are gone with it.";
            }

            throw unknown;
        }
    }

    private Task<KlingVideoTask> QueryAsync(string taskId, KlingVideoTask? before, CancellationToken cancellationToken)
        => _questions is null ? _service.QueryAsync(taskId, before, cancellationToken) : _questions.AskAsync(() => _service.QueryAsync(taskId, before, cancellationToken));
}
