using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Resolving;

/// <summary>Tasks as the ledger records them. The service is not asked, so no key is needed.</summary>
/// <param name="ledger">The ledger.</param>
/// <param name="account">Whose tasks; <see langword="null"/> for those of all accounts.</param>
internal sealed class RecordedTasks(ITaskLedger ledger, string? account)
{
    /// <summary>What to do with a task that was read from another ledger, without a full stop.</summary>
    public const string UseItsLedger = "Use the ledger that the task is from, which the environment variable KLINGPS_LEDGER can name";

    /// <summary>The ledger.</summary>
    public ITaskLedger Ledger => ledger;

    /// <summary>Finds a task.</summary>
    /// <param name="reference">How the user names it.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.TaskNotFound"/>: the ledger does not have it, has another one of its number, or it was requested with the key of another account.</exception>
    public async Task<KlingVideoTask> FindAsync(TaskReference reference, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reference);
        if (reference.ServiceId is string taskId)
        {
            return await FindByTaskIdAsync(taskId, cancellationToken).ConfigureAwait(false)
                ?? throw (!reference.MayBeAtService ? ServiceTaskId.CreateInvalidException(taskId)
                    : await FindOthersAsync(taskId, cancellationToken).ConfigureAwait(false) is KlingVideoTask other ? CreateOthersException(other)
                    : new KlingException(ErrorKind.TaskNotFound, $"There is no task '{taskId}' in the ledger '{ledger.Location}'."));
        }

        long id = reference.Id ?? reference.Task?.Id ?? 0;
        KlingVideoTask task = await ledger.Tasks.FindAsync(id, cancellationToken).ConfigureAwait(false)
            ?? throw new KlingException(ErrorKind.TaskNotFound, string.Create(CultureInfo.InvariantCulture, $"There is no task {id} in the ledger '{ledger.Location}'."));

        // Numbers begin with 1 in each ledger. A task without an id of the service is an attempt, and only its nonce says which one.
        if (reference.Task is { Nonce: string nonce } given && task.Nonce != nonce)
        {
            throw new KlingException(
                ErrorKind.TaskNotFound,
                string.Create(CultureInfo.InvariantCulture, $"Task {id} in the ledger '{ledger.Location}' is not the task that was given ('{given.Subject}'), which has this number in another ledger."))
            {
                Advice = $"{UseItsLedger}; or, for the task of this one, give its number, as with -Id.",
            };
        }

        return account is null || task.Account == account
            ? task
            : throw CreateOthersException(task);
    }

    /// <summary>The task of another account with an id of the service, or <see langword="null"/>.</summary>
    public async Task<KlingVideoTask?> FindOthersAsync(string taskId, CancellationToken cancellationToken)
        => account is null ? null : await ledger.Tasks.FindByTaskIdAsync(account: null, taskId, cancellationToken).ConfigureAwait(false);

    /// <summary>The error of a task that was asked for with another key, which is not known to be of the same account: the service may know it for that account only.</summary>
    /// <param name="task">The task.</param>
    /// <param name="answer">What the service has answered, if it was asked.</param>
    public static KlingException CreateOthersException(KlingVideoTask task, KlingException? answer = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        return new(ErrorKind.TaskNotFound, $"Task {task.Id} ('{task.Subject}') was requested with another key than the one you are connected with.", answer)
        {
            TaskNumber = task.Id,
            Advice = "Connect with that key, or with another one of its account, and run the command again. The tasks of a sandbox that was stopped are gone with it.",
        };
    }

    /// <summary>The task with an id of the service, or <see langword="null"/>.</summary>
    public Task<KlingVideoTask?> FindByTaskIdAsync(string taskId, CancellationToken cancellationToken)
        => ledger.Tasks.FindByTaskIdAsync(account, taskId, cancellationToken);
}
