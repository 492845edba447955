using KlingPS.Core.Api;

namespace KlingPS.Core.Ledger;

/// <summary>
/// The record of every attempt to buy a video. Written before money can be spent and before anything else is done with an answer.
/// </summary>
/// <remarks>Safe for concurrent use. Writes that follow a purchase take no token: they must not be called off.</remarks>
public interface ITaskLedger
{
    /// <summary>Records that a purchase is about to be made. Nothing may be sent before this has returned.</summary>
    /// <returns>The new task, in state <see cref="KlingTaskState.Submitting"/>.</returns>
    Task<KlingVideoTask> BeginAsync(TaskIntent intent, CancellationToken cancellationToken);

    /// <summary>Records that the service accepted the purchase.</summary>
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

    /// <summary>The tasks that a filter lets through, by id.</summary>
    Task<IReadOnlyList<KlingVideoTask>> ListAsync(TaskFilter filter, CancellationToken cancellationToken);

    /// <summary>An upload of the same content that can still be used, or <see langword="null"/>.</summary>
    /// <param name="account">The account.</param>
    /// <param name="hash">The SHA-256 of the content, in lower-case hex.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    Task<UploadRecord?> FindUploadAsync(string account, string hash, CancellationToken cancellationToken);

    /// <summary>Records an upload.</summary>
    Task RecordUploadAsync(UploadRecord upload, CancellationToken cancellationToken);

    /// <summary>How long finished tasks of a model and a duration took, newest first, in seconds.</summary>
    /// <param name="model">The model's id.</param>
    /// <param name="duration">The length of the videos in seconds.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    Task<IReadOnlyList<double>> ListGenerationTimesAsync(string model, int duration, int limit, CancellationToken cancellationToken);
}
