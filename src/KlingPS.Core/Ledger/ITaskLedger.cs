using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger;

/// <summary>
/// The record of every attempt to buy a video. Written before money can be spent and before anything else is done with an answer.
/// </summary>
/// <remarks>Safe for concurrent use. Writes that follow a purchase take no token: they must not be called off.</remarks>
public interface ITaskLedger
{
    /// <summary>Makes sure that the ledger can be used, before anything is uploaded or bought.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: it cannot.</exception>
    Task OpenAsync(CancellationToken cancellationToken);

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
    Task<KlingVideoTask> RecordAcceptedAsync(long id, string taskId);

    /// <summary>Records that nothing was bought: the service refused, or the request never left.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="code">The service's code.</param>
    /// <param name="reason">Why.</param>
    Task<KlingVideoTask> RecordRejectedAsync(long id, string? code, string reason);

    /// <summary>Records that the answer was lost. The credits stay reserved.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="reason">How it was lost.</param>
    Task<KlingVideoTask> RecordUnknownAsync(long id, string reason);

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

    /// <summary>Whether a purchase would be refused by <see cref="TaskIntent.Budget"/> now; records nothing.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.BudgetExceeded"/>: it would.</exception>
    Task RequireBudgetAsync(TaskIntent intent, CancellationToken cancellationToken);

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

    /// <summary>An upload of the same content that the service still has, or <see langword="null"/>.</summary>
    /// <param name="account">The account.</param>
    /// <param name="hash">The SHA-256 of the content, in lower-case hex.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    Task<UploadRecord?> FindUploadAsync(string account, string hash, CancellationToken cancellationToken);

    /// <summary>Records an upload.</summary>
    Task RecordUploadAsync(UploadRecord upload, CancellationToken cancellationToken);

    /// <summary>The SHA-256 of a file that has not changed since it was recorded, or <see langword="null"/>.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="modifiedAt">When it was last written.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    Task<string?> FindFileHashAsync(string path, long length, DateTimeOffset modifiedAt, CancellationToken cancellationToken);

    /// <summary>Records the SHA-256 of a file, which stands until the file has another length or time.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="modifiedAt">When it was last written, as read before the content.</param>
    /// <param name="hash">The SHA-256 of its content, in lower-case hex.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task RecordFileHashAsync(string path, long length, DateTimeOffset modifiedAt, string hash, CancellationToken cancellationToken);

    /// <summary>How long finished tasks of a model and a duration took, newest first, in seconds.</summary>
    /// <param name="model">The model's id.</param>
    /// <param name="duration">The length of the videos in seconds.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    Task<IReadOnlyList<double>> ListGenerationTimesAsync(string model, int duration, int limit, CancellationToken cancellationToken);

    /// <summary>Lets create requests of an account through, those of all processes together: 20 in 10 seconds.</summary>
    /// <param name="account">The account.</param>
    IRateGate OpenCreateGate(string account);

    /// <summary>Lets queries with an account's key through, those of all processes together: 10 in a second.</summary>
    /// <param name="account">The account.</param>
    IRateGate OpenQueryGate(string account);
}
