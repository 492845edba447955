using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Resolving;

/// <summary>Settles attempts whose answer was lost, in the way their owner has chosen.</summary>
public sealed class UnknownTaskResolver
{
    private readonly KlingSession _session;
    private readonly KlingClient _client;
    private readonly VideoSubmitter _submitter;

    /// <summary>Creates the settler.</summary>
    public UnknownTaskResolver(KlingService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        _session = service.Session;
        _client = service.Client;
        _submitter = new VideoSubmitter(service);
    }

    /// <summary>Refuses a task that is not one whose answer was lost.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: nothing about it is open.</exception>
    public static void RequireUnknown(KlingVideoTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (task.State != KlingTaskState.Unknown)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Task {task.Id} ('{task.Subject}') is {task.State}, not Unknown; there is nothing to settle.");
        }
    }

    /// <summary>Settles an attempt with the task that its owner has found at the service.</summary>
    /// <param name="attempt">The attempt.</param>
    /// <param name="taskId">The service's id of that task.</param>
    /// <param name="cancellationToken">Ends the wait for the service.</param>
    /// <returns>The attempt, now known.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: the task was made from another request, and what differs.</exception>
    public async Task<KlingVideoTask> SettleAsync(KlingVideoTask attempt, string taskId, CancellationToken cancellationToken)
    {
        RequireUnknown(attempt);
        TaskSnapshot snapshot = await _client.QueryTaskAsync(taskId, cancellationToken).ConfigureAwait(false);
        string[] differences = [.. attempt.FindDifferences(snapshot.Spec)];
        if (differences.Length > 0)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Task {taskId} is not the one that was asked for as task {attempt.Id} ('{attempt.Subject}'): {string.Join(", ", differences)}. Nothing was changed.");
        }

        return await _session.Ledger.Tasks.ResolveAsync(attempt.Id, snapshot).ConfigureAwait(false);
    }

    /// <summary>Gives an attempt up: its owner knows that it was not bought.</summary>
    /// <param name="attempt">The attempt.</param>
    public Task<KlingVideoTask> AbandonAsync(KlingVideoTask attempt)
    {
        RequireUnknown(attempt);
        return _session.Ledger.Tasks.AbandonAsync(attempt.Id);
    }

    /// <summary>Buys the video of an attempt again, in its place.</summary>
    /// <param name="attempt">The attempt; abandoned in the same step in which the new one is recorded.</param>
    /// <param name="cancellationToken">Stops before the request has left.</param>
    /// <returns>The new task.</returns>
    /// <exception cref="KlingException">An image has changed since, or the request was refused or lost again.</exception>
    public async Task<KlingVideoTask> ResubmitAsync(KlingVideoTask attempt, CancellationToken cancellationToken)
    {
        RequireUnknown(attempt);
        var submission = new Submission { Spec = attempt.Spec, Replaces = attempt.Id };
        (IdentifiedSubmission identified, _) = await _submitter.PrepareAsync(submission, cancellationToken).ConfigureAwait(false);
        string? changed = identified.Image is { } image && image.Hash != attempt.SourceHash ? attempt.SourcePath
            : identified.Identity != attempt.Identity ? attempt.TailImagePath
            : null;
        if (changed is not null)
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"'{changed}' is another image now than when it was submitted as task {attempt.Id}. Give the attempt up with -Abandon, and submit the image with New-KlingVideoTask.");
        }

        return (await _submitter.BuyAsync(identified, cancellationToken).ConfigureAwait(false)).Task;
    }
}
