using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>
/// The record of every attempt to buy a video. It is written before money can be spent, and before anything else is done with a response.
/// </summary>
/// <remarks>Safe for concurrent use. Writes that follow a purchase take no token: they must not be cancelled.</remarks>
public interface ITaskJournal
{
    /// <summary>Records that a purchase is about to be made. Nothing may be sent before this has returned.</summary>
    /// <returns>The new task, in state <see cref="KlingTaskState.Submitting"/>.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.BudgetExceeded"/>: the task would go over <see cref="TaskIntent.Budget"/>.
    /// <see cref="ErrorKind.RequestInvalid"/>: the attempt to replace is not unknown. Nothing is recorded then.
    /// </exception>
    Task<KlingVideoTask> BeginAsync(TaskIntent intent, CancellationToken cancellationToken);

    /// <summary>
    /// Like <see cref="BeginAsync"/>, unless the same video has been bought already: then nothing is recorded. Of any number of
    /// processes that ask at the same time, one gets the new task.
    /// </summary>
    /// <exception cref="KlingException">As <see cref="BeginAsync"/>.</exception>
    Task<TaskClaim> ClaimAsync(TaskIntent intent, CancellationToken cancellationToken);

    /// <summary>Records that the service accepted the purchase, also of an attempt that had counted as not bought: it counts again.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="taskId">The service's id.</param>
    /// <returns>
    /// <see cref="RecordResult.Superseded"/> if the attempt has bought another task, <see cref="RecordResult.Taken"/> if the id is that
    /// of another attempt.
    /// </returns>
    Task<RecordResult> RecordAcceptedAsync(long id, string taskId);

    /// <summary>Records that nothing was bought: the service refused, or the request never left.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="code">The service's code.</param>
    /// <param name="reason">Why.</param>
    /// <returns><see cref="RecordResult.Superseded"/> if a response to the attempt is recorded already.</returns>
    Task<RecordResult> RecordRejectedAsync(long id, string? code, string reason);

    /// <summary>Records that the response was lost. The credits stay reserved.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="reason">How it was lost.</param>
    /// <returns><see cref="RecordResult.Superseded"/> if a response to the attempt is recorded already: a callback can be quicker.</returns>
    Task<RecordResult> RecordUnknownAsync(long id, string reason);

    /// <summary>
    /// Records what the service says of a task; a task that is not in the ledger yet is taken in. A settled task stays settled.
    /// </summary>
    Task<KlingVideoTask> RecordSnapshotAsync(string account, TaskSnapshot snapshot);

    /// <summary>Records where a video was saved.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="path">The full path.</param>
    /// <param name="hash">The video's SHA-256 in lower-case hex.</param>
    Task<KlingVideoTask> RecordSavedAsync(long id, string path, string hash);

    /// <summary>The task with a local id, or <see langword="null"/>.</summary>
    Task<KlingVideoTask?> FindAsync(long id, CancellationToken cancellationToken);

    /// <summary>The task with an id of the service, or <see langword="null"/>.</summary>
    Task<KlingVideoTask?> FindByTaskIdAsync(string account, string taskId, CancellationToken cancellationToken);

    /// <summary>An attempt to buy the same video whose end is not known, or <see langword="null"/>.</summary>
    Task<KlingVideoTask?> FindUnknownAsync(string account, string identity, CancellationToken cancellationToken);

    /// <summary>
    /// What has come of earlier attempts at this video: its purchase, if it has been made, is being made or may have been made;
    /// else the last attempt that failed; else <see langword="null"/>.
    /// A finished purchase goes before a pending one, and that before one whose end is not known.
    /// </summary>
    Task<KlingVideoTask?> FindEarlierAsync(string account, string identity, CancellationToken cancellationToken);

    /// <summary>Tells whether a purchase would be refused by <see cref="TaskIntent.Budget"/> now; records nothing.</summary>
    /// <returns>A sentence for the user that says which limit it would exceed; <see langword="null"/> if it would not be refused.</returns>
    Task<string?> FindBudgetExcessAsync(TaskIntent intent, CancellationToken cancellationToken);

    /// <summary>
    /// The paths in a folder, at any depth, that videos were saved to, each with every task it may be the video of: also those of a
    /// video that has been saved elsewhere since.
    /// </summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    Task<IReadOnlyList<SavedPath>> ListSavedPathsAsync(string folder, CancellationToken cancellationToken);

    /// <summary>The attempt that was made under a nonce, or <see langword="null"/>.</summary>
    /// <param name="account">The account.</param>
    /// <param name="nonce">See <see cref="TaskIntent.Nonce"/>.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    Task<KlingVideoTask?> FindByNonceAsync(string account, string nonce, CancellationToken cancellationToken);

    /// <summary>Settles an unknown attempt with the task that it turned out to be.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="snapshot">What the service says of that task. Whether it is the right one is the caller's to check.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: the attempt is not unknown, or the task belongs to another one.</exception>
    Task<KlingVideoTask> ResolveAsync(long id, TaskSnapshot snapshot);

    /// <summary>Gives an unknown attempt up. Its credits are free again, as its owner says that they were not spent.</summary>
    /// <param name="id">The local id.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: the attempt is not unknown.</exception>
    Task<KlingVideoTask> AbandonAsync(long id);

    /// <summary>Forgets a settled task.</summary>
    /// <param name="id">The local id.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: it is not settled. <see cref="ErrorKind.TaskNotFound"/>: there is none.</exception>
    Task RemoveAsync(long id);

    /// <summary>
    /// Makes attempts unknown whose process died before the answer. A live process is left alone; so is one of another machine,
    /// which cannot be looked at, until its attempt is older than any request can be.
    /// </summary>
    /// <returns>The attempts that have become unknown.</returns>
    Task<IReadOnlyList<KlingVideoTask>> RecoverAsync(CancellationToken cancellationToken);

    /// <summary>The tasks that a filter lets through, by id.</summary>
    Task<IReadOnlyList<KlingVideoTask>> ListAsync(TaskFilter filter, CancellationToken cancellationToken);
}

/// <summary>What came of claiming a video.</summary>
/// <param name="Task">The task that was begun, or the purchase that is there already.</param>
/// <param name="IsNew">Whether it was begun: only then may it be submitted.</param>
public sealed record TaskClaim(KlingVideoTask Task, bool IsNew);

/// <summary>A file that a video was saved to.</summary>
/// <param name="Path">The full path.</param>
/// <param name="Id">The local id of the video's task.</param>
/// <param name="Hash">The SHA-256 of the video, in lower-case hex. The file may have changed since.</param>
public sealed record SavedPath(string Path, long Id, string Hash);
