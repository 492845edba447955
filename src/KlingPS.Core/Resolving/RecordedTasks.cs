using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Resolving;

/// <summary>Tasks as the ledger records them. The service is not asked, so no key is needed.</summary>
/// <param name="ledger">The ledger.</param>
/// <param name="account">Whose tasks; <see langword="null"/> for those of all accounts.</param>
internal sealed class RecordedTasks(ITaskLedger ledger, string? account)
{
    /// <summary>Finds a task.</summary>
    /// <param name="reference">How the user names it.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.TaskNotFound"/>: the ledger does not have it, or it belongs to another account.</exception>
    public async Task<KlingVideoTask> FindAsync(TaskReference reference, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reference);
        if (reference.ServiceId is string taskId)
        {
            return await FindByTaskIdAsync(taskId, cancellationToken).ConfigureAwait(false)
                ?? throw (!reference.MayBeAtService ? ServiceTaskId.CreateInvalidException(taskId)
                    : new KlingException(ErrorKind.TaskNotFound, $"There is no task '{ServiceTaskId.Describe(taskId)}'{(account is null ? string.Empty : " of this account")} in the ledger '{ledger.Location}'."));
        }

        long id = reference.Id ?? reference.Task?.Id ?? 0;
        KlingVideoTask task = await ledger.Tasks.FindAsync(id, cancellationToken).ConfigureAwait(false)
            ?? throw new KlingException(ErrorKind.TaskNotFound, string.Create(CultureInfo.InvariantCulture, $"There is no task {id} in the ledger '{ledger.Location}'."));
        return account is null || task.Account == account
            ? task
            : throw new KlingException(ErrorKind.TaskNotFound, string.Create(CultureInfo.InvariantCulture, $"Task {id} belongs to another account than the one you are connected to."));
    }

    /// <summary>The task with an id of the service, or <see langword="null"/>.</summary>
    public Task<KlingVideoTask?> FindByTaskIdAsync(string taskId, CancellationToken cancellationToken)
        => ledger.Tasks.FindByTaskIdAsync(account, taskId, cancellationToken);
}
