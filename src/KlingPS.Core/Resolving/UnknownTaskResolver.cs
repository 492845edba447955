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
        string[] differences = [.. Differences(attempt, snapshot.Request)];
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

        // Without a hash it was bought by its address, whatever file was uploaded there.
        string? path = attempt.SourceHash is null ? null : attempt.SourcePath;
        IdentifiedRequest identified = await _submitter.IdentifyAsync(
            new SubmissionRequest
            {
                SourcePath = path,
                ImageUri = path is null ? attempt.ImageUri : null,
                UploadedFrom = path is null ? attempt.SourcePath : null,
                TailImagePath = attempt.TailImagePath,
                TailImageUri = attempt.TailImagePath is null ? attempt.TailImageUri : null,
                Model = attempt.Model,
                Prompt = attempt.Prompt ?? string.Empty,
                NegativePrompt = attempt.NegativePrompt,
                Duration = attempt.Duration,
                CfgScale = attempt.CfgScale,
                CallbackUri = attempt.CallbackUri,
                Take = attempt.Take,
                Replaces = attempt.Id,
            },
            cancellationToken).ConfigureAwait(false);
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

    /// <summary>In what the request of a task differs from that of an attempt. What is left out counts as the service's default, which it fills in.</summary>
    internal static IEnumerable<string> Differences(KlingVideoTask attempt, VideoRequest? request)
    {
        if (request is null)
        {
            yield return "the service does not say what it was made from";
            yield break;
        }

        if (request.Prompt != attempt.Prompt)
        {
            yield return "its prompt is another";
        }

        if (request.ImageUri != attempt.ImageUri)
        {
            yield return "its image is another";
        }

        if (request.TailImageUri != attempt.TailImageUri)
        {
            yield return "its image at the end is another";
        }

        if (request.Model != attempt.Model)
        {
            yield return $"its model is {request.Model}";
        }

        if ((request.Duration ?? KlingModel.DefaultDuration) != attempt.Duration)
        {
            yield return $"it is {request.Duration} seconds long";
        }

        if (request.NegativePrompt != attempt.NegativePrompt)
        {
            yield return "its negative prompt is another";
        }

        if ((request.CfgScale ?? KlingModel.DefaultCfgScale) != (attempt.CfgScale ?? KlingModel.DefaultCfgScale))
        {
            yield return "its CFG scale is another";
        }

        if (CallbackNonce.Find(request.CallbackUri) is string nonce && nonce != attempt.Nonce)
        {
            yield return "it belongs to another attempt, whose number is in the address of its callback";
        }
    }
}
