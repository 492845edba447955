using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>
/// The record of every attempt to buy a video. It is written before money can be spent, and before anything else is done with a response.
/// </summary>
/// <remarks>Safe for concurrent use. Writes that follow a purchase take no token: they must not be cancelled.</remarks>
internal interface ITaskJournal
{
    /// <summary>Records that a purchase is about to be made. Nothing may be sent before this has returned.</summary>
    /// <param name="intent">The purchase.</param>
    /// <param name="cancellationToken">Cancels the wait; nothing is recorded then.</param>
    /// <returns>The new task, in state <see cref="KlingTaskState.Submitting"/>.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.BudgetExceeded"/>: the task would exceed <see cref="TaskIntent.Budget"/>.
    /// <see cref="ErrorKind.RequestInvalid"/>: the attempt to replace is not unknown, or the video has been bought meanwhile.
    /// <see cref="ErrorKind.TaskNotFound"/>: the record of the attempt to replace is gone. Nothing is recorded in any of these cases.
    /// </exception>
    Task<KlingVideoTask> BeginAsync(TaskIntent intent, CancellationToken cancellationToken);

    /// <summary>
    /// Like <see cref="BeginAsync"/>, unless the same video has been bought already, or an attempt at it has failed that the buyer does not know
    /// of (<see cref="TaskIntent.LastFailure"/>): then nothing is recorded. Of any number of processes that claim a video at the same time, one
    /// gets the new task.
    /// </summary>
    /// <param name="intent">The purchase.</param>
    /// <param name="cancellationToken">Cancels the wait; nothing is recorded then.</param>
    /// <exception cref="KlingException">As for <see cref="BeginAsync"/>.</exception>
    Task<TaskClaim> ClaimAsync(TaskIntent intent, CancellationToken cancellationToken);

    /// <summary>Tells whether <see cref="TaskIntent.Budget"/> would refuse a purchase now. Records nothing.</summary>
    /// <param name="intent">The purchase.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>A sentence for the user that names the limit it would exceed; <see langword="null"/> if it would not be refused.</returns>
    Task<string?> FindBudgetExcessAsync(TaskIntent intent, CancellationToken cancellationToken);

    /// <summary>Records that the service accepted the purchase. An attempt that had counted as not bought counts again.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="taskId">The service's id.</param>
    /// <param name="intent">
    /// The purchase, by whoever has made it: if the record of the attempt is gone, because it was given up meanwhile and removed, it is
    /// recorded anew. Otherwise <see langword="null"/>.
    /// </param>
    /// <returns>
    /// <see cref="RecordResult.Superseded"/> if the attempt has bought another task, <see cref="RecordResult.Taken"/> if the id is that
    /// of another attempt. If the attempt had counted as not bought, <see cref="RecordResult.Recorded"/> says what was bought in its place.
    /// </returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.TaskNotFound"/>: there is no such attempt, and no <paramref name="intent"/>.</exception>
    Task<RecordResult> RecordAcceptedAsync(long id, string taskId, TaskIntent? intent = null);

    /// <summary>Records that nothing was bought: the service refused the request, or it never left.</summary>
    /// <param name="attempt">The attempt as it was recorded.</param>
    /// <param name="code">The service's code.</param>
    /// <param name="reason">Why.</param>
    /// <returns><see cref="RecordResult.Superseded"/> if a response to the attempt is recorded already, <see cref="RecordResult.Removed"/> if it was settled and removed.</returns>
    Task<RecordResult> RecordRejectedAsync(KlingVideoTask attempt, string? code, string reason);

    /// <summary>
    /// Records that the response was lost, by whoever has sent the request. The credits stay reserved. An attempt that was given up meanwhile
    /// is unknown again, unless this very loss was known when it was given up; if its record was removed, it is recorded anew.
    /// </summary>
    /// <param name="id">The local id.</param>
    /// <param name="reason">How it was lost.</param>
    /// <param name="intent">The purchase.</param>
    /// <returns>
    /// <see cref="RecordResult.Superseded"/> if it is known which task was bought, as a callback can be quicker, or if the attempt stays given up.
    /// If it had counted as not bought, <see cref="RecordResult.Recorded"/> says what was bought in its place.
    /// </returns>
    Task<RecordResult> RecordUnknownAsync(long id, string reason, TaskIntent intent);

    /// <summary>
    /// Records that the service did not take the request for now, or that it never left, and that it will be sent again: until then
    /// nothing has left. The credits stay reserved.
    /// </summary>
    /// <param name="attempt">The attempt as it was recorded.</param>
    /// <param name="reason">Why.</param>
    /// <returns><see cref="RecordResult.Superseded"/> if the attempt is not under way any more, <see cref="RecordResult.Removed"/> if its record is gone.</returns>
    Task<RecordResult> RecordHeldBackAsync(KlingVideoTask attempt, string reason);

    /// <summary>Records that a request which was held back is about to leave. It must not be sent before this has returned.</summary>
    /// <param name="attempt">The attempt as it was recorded.</param>
    /// <param name="answerWithin">See <see cref="TaskIntent.AnswerWithin"/>; counts from now.</param>
    /// <param name="intent">
    /// The purchase: it is not sent again if something has become known meanwhile that <see cref="ClaimAsync"/> would find; or, if it replaces an
    /// attempt or is another attempt itself, if that has been bought after all, or the video in its place. <see langword="null"/> for a purchase
    /// that is made whatever else is bought.
    /// </param>
    /// <param name="cancellationToken">Cancels the wait; the request is still held back then.</param>
    /// <returns>
    /// <see cref="RecordResult.Superseded"/> if the attempt is not under way any more: a callback has reported that it was bought, or another
    /// process has concluded that this one is dead. <see cref="RecordResult.Removed"/> if its record is gone, too.
    /// <see cref="RecordResult.Forestalled"/> if the same video has become known. Nothing may be sent for it then.
    /// </returns>
    Task<RecordResult> RecordSentAgainAsync(KlingVideoTask attempt, TimeSpan answerWithin, TaskIntent? intent, CancellationToken cancellationToken);

    /// <summary>
    /// Says that this process will record nothing more of an attempt, because recording has failed: the next
    /// <see cref="RecoverAsync"/> settles it as if the process were gone. Writes nothing and never fails.
    /// </summary>
    /// <param name="id">The local id.</param>
    /// <param name="intent">The purchase.</param>
    /// <param name="mayBeBought">Whether it becomes unknown, as with <see cref="RecordUnknownAsync"/>; otherwise it counts as rejected.</param>
    /// <param name="reason">What is known about it.</param>
    void Disown(long id, TaskIntent intent, bool mayBeBought, string reason);

    /// <summary>
    /// Keeps on this machine what has happened and cannot be recorded: the next <see cref="RecoverAsync"/> that reaches the ledger records
    /// it, in whatever process of this machine. Never fails.
    /// </summary>
    /// <param name="answer">What has happened.</param>
    /// <returns>The folder it is kept in; <see langword="null"/> if it cannot be kept.</returns>
    Task<string?> KeepAsync(SpooledAnswer answer);

    /// <summary>Records what the service says about a task. One that is not in the ledger is added. A settled task stays settled.</summary>
    /// <param name="account">The account.</param>
    /// <param name="snapshot">What the service says.</param>
    Task<KlingVideoTask> RecordSnapshotAsync(string account, TaskSnapshot snapshot);

    /// <summary>Records that the task which the service has named for an attempt is another one's: the attempt is unknown again, and its credits stay reserved.</summary>
    /// <param name="id">The local id of the attempt.</param>
    /// <param name="taskId">The service's id of the task.</param>
    /// <param name="reason">How that is known.</param>
    /// <returns><see cref="RecordResult.Superseded"/> if the attempt does not have that id any more, or has ended; <see cref="RecordResult.Removed"/> if its record is gone.</returns>
    Task<RecordResult> RecordDetachedAsync(long id, string taskId, string reason);

    /// <summary>
    /// Records that a whole video is about to get its name. It does not count as saved yet: the process may be killed, or the name
    /// refused. If nobody records that it got the name, the file is recognized by its hash.
    /// </summary>
    /// <param name="task">The task, as it was read: an attempt may have turned out to have bought it since, and has its record now; and a ledger that was put back from a backup may have assigned its number again.</param>
    /// <param name="path">The full path it is about to have.</param>
    /// <param name="hash">The video's SHA-256 in lower-case hex.</param>
    Task RecordSavingAsync(KlingVideoTask task, string path, string hash);

    /// <summary>The SHA-256 of a video that is about to get its name, whatever name that is; <see langword="null"/> if none of the task is. What is known on this machine comes first.</summary>
    /// <param name="task">See <see cref="RecordSavingAsync"/>.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<string?> FindSavingHashAsync(KlingVideoTask task, CancellationToken cancellationToken);

    /// <summary>Records where a video was saved: it has just got its name. If the user had said that it was taken elsewhere, that is over.</summary>
    /// <param name="task">See <see cref="RecordSavingAsync"/>.</param>
    /// <param name="path">The full path.</param>
    /// <param name="hash">The video's SHA-256 in lower-case hex.</param>
    Task<KlingVideoTask> RecordSavedAsync(KlingVideoTask task, string path, string hash);

    /// <summary>Records where a video turns out to be, because nobody recorded that when it was saved. What the user has said of it since stands, see <see cref="RecordTakenAsync"/>.</summary>
    /// <param name="task">See <see cref="RecordSavingAsync"/>.</param>
    /// <param name="path">The full path.</param>
    /// <param name="hash">The video's SHA-256 in lower-case hex.</param>
    Task<KlingVideoTask> RecordFoundAsync(KlingVideoTask task, string path, string hash);

    /// <summary>Records that the user has taken a video elsewhere, so that nothing is left to do for it until it is saved again; or withdraws that.</summary>
    /// <param name="task">See <see cref="RecordSavingAsync"/>.</param>
    /// <param name="isTaken">Whether it was taken.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: the task has no video. <see cref="ErrorKind.TaskNotFound"/>: there is none.</exception>
    Task<KlingVideoTask> RecordTakenAsync(KlingVideoTask task, bool isTaken);

    /// <summary>Settles an unknown attempt with the task that it turned out to be.</summary>
    /// <param name="seen">The attempt as the user has seen it.</param>
    /// <param name="snapshot">What the service says about that task. The caller has checked that it is the right one.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: the attempt is not unknown, or the task belongs to another one. <see cref="ErrorKind.TaskNotFound"/>: there is none.
    /// </exception>
    Task<KlingVideoTask> ResolveAsync(KlingVideoTask seen, TaskSnapshot snapshot);

    /// <summary>Gives up an unknown attempt. Its credits are no longer reserved, as the user says that they were not spent.</summary>
    /// <param name="seen">The attempt as the user has seen it.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: the attempt is not unknown, or more has become known about it since. <see cref="ErrorKind.TaskNotFound"/>: there is none.
    /// </exception>
    Task<KlingVideoTask> AbandonAsync(KlingVideoTask seen);

    /// <summary>Gives up a task that the service does not know any more. What was set aside for it counts as spent.</summary>
    /// <param name="id">The local id.</param>
    /// <param name="taskId">The id that the service was asked for.</param>
    /// <param name="reason">What the service said.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: the task has another id, or has ended. <see cref="ErrorKind.TaskNotFound"/>: there is none.</exception>
    Task<KlingVideoTask> RecordForgottenAsync(long id, string taskId, string reason);

    /// <summary>Removes the record of a settled task.</summary>
    /// <param name="seen">The task as the user has seen it.</param>
    /// <returns>What was removed.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: it is not settled, it had ended otherwise when the user saw it, it has a video since then that was not
    /// saved, or it is not known yet whether its replacement was bought. <see cref="ErrorKind.TaskNotFound"/>: there is none.
    /// </exception>
    Task<KlingVideoTask> RemoveAsync(KlingVideoTask seen);

    /// <summary>
    /// Marks attempts as unknown whose process died before the response; those it was holding back, for which nothing had been sent, count as
    /// rejected. A process that is running is left alone, however long it takes; so is one that cannot be seen from here, on another
    /// machine or in another container, until <see cref="TaskIntent.AnswerWithin"/> is over.
    /// </summary>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The attempts that have become unknown because nobody has recorded their outcome.</returns>
    Task<IReadOnlyList<KlingVideoTask>> RecoverAsync(CancellationToken cancellationToken);

    /// <summary>The task with a local id, or <see langword="null"/>.</summary>
    Task<KlingVideoTask?> FindAsync(long id, CancellationToken cancellationToken);

    /// <summary>A task as it is recorded now, or <see langword="null"/>.</summary>
    /// <param name="task">See <see cref="RecordSavingAsync"/>.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<KlingVideoTask?> FindCurrentAsync(KlingVideoTask task, CancellationToken cancellationToken);

    /// <summary>The task that was bought in place of an attempt, or may have been; otherwise <see langword="null"/>.</summary>
    /// <param name="replaced">The attempt.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<KlingVideoTask?> FindReplacementAsync(KlingVideoTask replaced, CancellationToken cancellationToken);

    /// <summary>The task with an id of the service, or <see langword="null"/>.</summary>
    /// <param name="account">The account; <see langword="null"/> for every account.</param>
    /// <param name="taskId">The service's id.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<KlingVideoTask?> FindByTaskIdAsync(string? account, string taskId, CancellationToken cancellationToken);

    /// <summary>The attempt that was made with a nonce, or <see langword="null"/>.</summary>
    /// <param name="account">The account.</param>
    /// <param name="nonce">See <see cref="TaskIntent.Nonce"/>.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<KlingVideoTask?> FindByNonceAsync(string account, string nonce, CancellationToken cancellationToken);

    /// <summary>The latest attempt to buy a video whose response was lost, or <see langword="null"/>.</summary>
    /// <param name="account">The account.</param>
    /// <param name="spec">The video, its local images read. It is found in whatever spelling its texts were recorded; see <see cref="PromptText"/>.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<KlingVideoTask?> FindUnknownAsync(string account, VideoSpec spec, CancellationToken cancellationToken);

    /// <summary>
    /// The outcome of earlier attempts to buy a video: its purchase, if it has been bought, is being bought or may have been bought;
    /// otherwise the latest attempt that failed or that the service has forgotten; otherwise <see langword="null"/>. A finished purchase comes before a pending one, and
    /// that before one whose response is not known.
    /// </summary>
    /// <param name="account">The account.</param>
    /// <param name="spec">The video, as for <see cref="FindUnknownAsync"/>.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<KlingVideoTask?> FindEarlierAsync(string account, VideoSpec spec, CancellationToken cancellationToken);

    /// <summary>The attempts to buy a video that the service had accepted and that failed, the latest first.</summary>
    /// <param name="account">The account.</param>
    /// <param name="spec">The video, as for <see cref="FindUnknownAsync"/>.</param>
    /// <param name="limit">How many to list.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<KlingVideoTask>> ListFailedAsync(string account, VideoSpec spec, int limit, CancellationToken cancellationToken);

    /// <summary>What has been bought, or may have been, from the files at these paths, whatever their content was; the latest first.</summary>
    /// <param name="account">The account.</param>
    /// <param name="path">The full path of the image; <see langword="null"/> if it is not a file.</param>
    /// <param name="tailPath">The full path of the tail image; it is looked for only where the image is not a file.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<KlingVideoTask>> ListByFilesAsync(string account, string? path, string? tailPath, int limit, CancellationToken cancellationToken);

    /// <summary>The tasks that match a filter, by local id.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<KlingVideoTask>> ListAsync(TaskFilter filter, CancellationToken cancellationToken);

    /// <summary>The same in pages, each read on demand: the ledger may have a million tasks.</summary>
    /// <remarks>No task comes twice, and none that matches the filter throughout is left out. Tasks added meanwhile are not listed.</remarks>
    /// <inheritdoc cref="ListAsync"/>
    IAsyncEnumerable<IReadOnlyList<KlingVideoTask>> ReadPagesAsync(TaskFilter filter, CancellationToken cancellationToken);

    /// <summary>
    /// The paths that videos were saved to, each with every task whose video it may be: also the paths of a video that has been saved
    /// elsewhere since, and those of videos that were about to get their names. All of them, because their text does not show which of
    /// them leads to a given file.
    /// </summary>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<SavedPath>> ListSavedPathsAsync(CancellationToken cancellationToken);

    /// <summary>
    /// The saved paths that may lead to one of several files, if each of these has one name only and is no link: the paths whose file names
    /// differ at most in upper and lower case and in the form of composed characters. There may be more, of names that this machine cannot compare.
    /// </summary>
    /// <param name="paths">The paths of the files.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<SavedPath>> ListSavedPathsAsync(IReadOnlyCollection<string> paths, CancellationToken cancellationToken);

    /// <summary>Whether a video with this content was saved for another task, by <see cref="ListSavedPathsAsync(CancellationToken)"/>.</summary>
    /// <param name="hash">The SHA-256 of the video, in lower-case hex.</param>
    /// <param name="id">The local id of the task; <see langword="null"/> if every task is another one.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<bool> IsSavedForAnotherAsync(string hash, long? id, CancellationToken cancellationToken);

    /// <summary>The time by the clock that the tasks' times come from: the server's, if there is one.</summary>
    /// <param name="cancellationToken">Cancels the question.</param>
    Task<DateTimeOffset> ReadClockAsync(CancellationToken cancellationToken);
}

/// <summary>The outcome of claiming a video.</summary>
/// <param name="Task">The task that was started, or the purchase or the failure that exists already.</param>
/// <param name="IsNew">Whether it was started: only then may it be submitted.</param>
internal sealed record TaskClaim(KlingVideoTask Task, bool IsNew);

/// <summary>A file that a video was saved to.</summary>
/// <param name="Path">The full path.</param>
/// <param name="Id">The local id of the video's task.</param>
/// <param name="Hash">The SHA-256 of the video, in lower-case hex. The file may have changed since.</param>
/// <param name="IsCertain">Whether the video got this name. Otherwise it was about to, and only the content of the file tells.</param>
internal sealed record SavedPath(string Path, long Id, string Hash, bool IsCertain = true);
