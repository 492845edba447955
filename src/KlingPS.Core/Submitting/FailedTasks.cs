using KlingPS.Core.Api;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Submitting;

/// <summary>
/// The tasks that have failed to make a video which is to be bought again. The service takes up some of them again, so it is asked for them before
/// the video is bought, and once more if the request had to wait since. To ask costs nothing. A question without an answer is no reason to pay.
/// </summary>
internal sealed class FailedTasks(KlingService service, IdentifiedSubmission identified)
{
    /// <summary>How many failed tasks of a video the service is asked for: what has failed often is not asked for over and over.</summary>
    private const int MaxAsked = 5;

    /// <summary>How old an answer may be. An upload or a request can wait for minutes until the service takes it.</summary>
    private static readonly TimeSpan s_longestTrust = TimeSpan.FromSeconds(10);

    private readonly KlingSession _session = service.Session;
    private readonly string _subject = identified.Submission.Subject;
    private Moment _askedAt;

    /// <summary>Whether the service has to be asked again before a request may leave. Not if none had failed: the claim in the ledger finds those that come later.</summary>
    public bool AreToBeAskedFor => LastFailure != 0 && _askedAt.Since(_session.TimeProvider) > s_longestTrust;

    /// <summary>The local id of the last task that the service was asked for; 0 if there was none.</summary>
    public long LastFailure { get; private set; }

    private bool AreBoughtAgain => identified.Submission is { RetryFailed: true, ReusePurchase: true, Force: false, Replaces: null };

    /// <summary>Finds a task for which the service has a video by now, or is making one.</summary>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>That task; <see langword="null"/> if there is none.</returns>
    /// <exception cref="KlingException">The service could not be asked.</exception>
    public async Task<KlingVideoTask?> FindMadeAsync(CancellationToken cancellationToken)
    {
        if (!AreBoughtAgain)
        {
            return null;
        }

        // An answer is as old as the question, and a question without an answer tells nothing. All are asked for at once, so that none is older than the others.
        var askedAt = Moment.Now(_session.TimeProvider);
        IReadOnlyList<KlingVideoTask> all = await _session.Ledger.Tasks.ListFailedAsync(_session.Account, identified.Submission.Spec, MaxAsked, cancellationToken).ConfigureAwait(false);
        Task<KlingVideoTask>[] questions = [.. all.Select(failed => AskAsync(failed, cancellationToken))];
        try
        {
            await Task.WhenAll(questions).ConfigureAwait(false);
        }
        catch (KlingException) when (FindMade(questions) is not null)
        {
            // One is enough, whatever has become of the others.
        }
        catch (KlingException doubt) when (!doubt.IsFatal && FindFatal(questions) is not null)
        {
            throw FindFatal(questions)!;
        }

        if (FindMade(questions) is KlingVideoTask made)
        {
            service.Observer?.OnNotice($"'{_subject}' had failed as task {made.Id}, and is {made.State} at the service now. Nothing is bought for it.");
            return made;
        }

        LastFailure = all is [var last, ..] ? last.Id : 0;
        _askedAt = askedAt;
        return null;
    }

    private static KlingVideoTask? FindMade(Task<KlingVideoTask>[] questions)
        => questions.Where(question => question.IsCompletedSuccessfully).Select(question => question.Result).FirstOrDefault(task => task.TaskState != KlingTaskState.Failed);

    private static KlingException? FindFatal(Task<KlingVideoTask>[] questions)
        => questions.Select(question => question.Exception?.InnerException).OfType<KlingException>().FirstOrDefault(exception => exception.IsFatal);

    /// <returns>The task, as the service says or, if it says nothing else about it any more, as it was.</returns>
    private async Task<KlingVideoTask> AskAsync(KlingVideoTask failed, CancellationToken cancellationToken)
    {
        try
        {
            return await service.QueryAsync(failed.TaskId!, failed, cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception) when (exception.Kind is ErrorKind.TaskNotFound or ErrorKind.RequestInvalid)
        {
            return failed;
        }
        catch (KlingException exception)
        {
            if (exception.IsFatal && !await IsOfOneTaskAsync(exception, cancellationToken).ConfigureAwait(false))
            {
                throw;
            }

            KlingException doubt = exception is KlingApiException { IsFatal: true } silence ? silence.AsFinal() : exception;
            doubt = doubt.WithMessage($"It failed before, as task {failed.Id}, and whether its video was made after all could not be found out. {exception.Message}");
            doubt.TaskNumber = failed.Id;
            doubt.Advice = "Run the command again later. If the service never says what became of the task, Remove-KlingVideoTask -Id <id> removes its record, and then the video is bought again: "
                + "if the service makes the video of that task after all, it is paid for twice.";
            throw doubt;
        }
    }

    /// <summary>Whether a service that says nothing about a task answers other questions: then the other images have nothing to do with that.</summary>
    private async Task<bool> IsOfOneTaskAsync(KlingException exception, CancellationToken cancellationToken)
    {
        if (exception is not KlingApiException { Kind: ErrorKind.ServiceUnavailable, Fault: not TransportFault.NotSent, IsFromElsewhere: false, Code: not (>= 300 and < 400) })
        {
            return false;
        }

        try
        {
            await service.Client.GetCreditsAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (KlingException)
        {
            return false;
        }
    }
}
