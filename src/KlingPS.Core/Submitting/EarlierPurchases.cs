using System.Collections.Concurrent;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resilience;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Submitting;

/// <summary>Earlier purchases of the videos that are asked for: of this account, and of others at the same service.</summary>
internal sealed class EarlierPurchases
{
    /// <summary>For a video that somebody else is buying. It is theirs, however long that takes.</summary>
    private static readonly RetryOptions s_othersPurchase = new() { Backoff = Backoff.Every(TimeSpan.FromSeconds(0.5)) };

    /// <summary>How long to wait for somebody else's purchase before a message says so.</summary>
    private static readonly TimeSpan s_othersPatience = TimeSpan.FromSeconds(2);

    /// <summary>What somebody else is buying, by what makes two purchases the same.</summary>
    private readonly ConcurrentDictionary<string, AwaitedPurchase> _awaited = new();
    private readonly KlingSession _session;
    private readonly IPipelineObserver? _observer;
    private readonly OtherPurchases _others;
    private readonly RetryPolicy _othersPurchase;

    /// <summary>Creates the search.</summary>
    /// <param name="service">The account and its ledger.</param>
    public EarlierPurchases(KlingService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        _session = service.Session;
        _observer = service.Observer;
        _others = new OtherPurchases(service);
        _othersPurchase = new RetryPolicy(s_othersPurchase, _session.TimeProvider);
    }

    /// <summary>The error of a submission whose time is up while it waits for somebody else's purchase; <see langword="null"/> if it does not.</summary>
    /// <param name="submission">The submission.</param>
    /// <param name="identity">What makes two purchases the same.</param>
    /// <param name="timeout">How much time there was.</param>
    public KlingException? CreateTimeout(Submission submission, string identity, TimeSpan timeout)
        => _awaited.TryGetValue(identity, out AwaitedPurchase? awaited) ? TaskErrors.CreateOthersTimeout(submission.Subject, awaited.Task, awaited.IsOwn, timeout) : null;

    /// <summary>Finds the earlier purchase, once it has been answered if somebody is making it right now.</summary>
    /// <param name="identified">The submission.</param>
    /// <param name="cancellationToken">Ends the search and the wait.</param>
    /// <returns>The purchase; <see langword="null"/> if the video is to be bought.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.AttemptUnknown"/>: it is not known whether it was bought before.
    /// <see cref="ErrorKind.TaskFailed"/>: it failed before and is not to be bought again.
    /// <see cref="ErrorKind.TaskNotFound"/>: it was bought before, the service has forgotten it, and the user has given it up.
    /// <see cref="ErrorKind.BoughtElsewhere"/>: another account has bought it, and it is not on disk.
    /// </exception>
    public async Task<KlingVideoTask?> FindAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        Submission submission = identified.Submission;
        if (submission.Force || submission.Replaces is not null)
        {
            return null;
        }

        KlingVideoTask? earlier = submission.ReusePurchase
            ? await AwaitAnswerAsync(identified, () => _session.Ledger.Tasks.FindEarlierAsync(_session.Account, submission.Spec, cancellationToken), cancellationToken).ConfigureAwait(false)
            : await _session.Ledger.Tasks.FindUnknownAsync(_session.Account, submission.Spec, cancellationToken).ConfigureAwait(false);
        if (earlier is null || (earlier.TaskState == KlingTaskState.Failed && submission.RetryFailed))
        {
            earlier = await AwaitAnswerAsync(identified, () => _others.FindAsync(identified, cancellationToken), cancellationToken).ConfigureAwait(false);
            _awaited.TryRemove(identified.Identity, out _);
            return earlier;
        }

        _awaited.TryRemove(identified.Identity, out _);
        return earlier.TaskState switch
        {
            KlingTaskState.Unknown => throw new KlingException(
                ErrorKind.AttemptUnknown,
                $"Nothing was sent for '{submission.Subject}': the same video was asked for before as task {earlier.Id}, "
                + $"and it is not known whether it was bought.{(earlier.FailMessage is string why ? " " + why : string.Empty)}")
            {
                TaskNumber = earlier.Id,
            },
            KlingTaskState.Abandoned => throw TaskErrors.CreateForgottenBefore(submission.Subject, earlier),
            KlingTaskState.Failed => throw TaskErrors.CreateFailedBefore(submission.Subject, earlier),
            _ => earlier,
        };
    }

    /// <summary>An earlier purchase, once it has been answered: another command or process may be buying the video right now.</summary>
    /// <param name="identified">The submission.</param>
    /// <param name="find">Finds the purchase.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    private Task<KlingVideoTask?> AwaitAnswerAsync(IdentifiedSubmission identified, Func<Task<KlingVideoTask?>> find, CancellationToken cancellationToken)
        => _othersPurchase.RunAsync<KlingVideoTask?>(_ => FindAnsweredAsync(identified, find, cancellationToken), cancellationToken);

    private async Task<Attempt<KlingVideoTask?>> FindAnsweredAsync(IdentifiedSubmission identified, Func<Task<KlingVideoTask?>> find, CancellationToken cancellationToken)
    {
        KlingVideoTask? earlier = await find().ConfigureAwait(false);
        if (earlier is not { TaskState: KlingTaskState.Submitting })
        {
            return earlier;
        }

        // A video that somebody else is buying does not hold up those behind it.
        identified.Submission.Turn?.Pass();
        if (!_awaited.TryGetValue(identified.Identity, out AwaitedPurchase? awaited))
        {
            var own = new TaskFilter { States = [KlingTaskState.Submitting], IsOwnAttempt = true };
            bool isOwn = (await _session.Ledger.Tasks.ListAsync(own, cancellationToken).ConfigureAwait(false)).Any(task => task.Id == earlier.Id);
            awaited = _awaited.GetOrAdd(identified.Identity, new AwaitedPurchase(earlier, isOwn, Instant.Now(_session.TimeProvider) + s_othersPatience));
        }

        string subject = identified.Submission.Subject;
        if (awaited.TellsAt <= Instant.Now(_session.TimeProvider) && _awaited.TryUpdate(identified.Identity, awaited with { TellsAt = Instant.Never }, awaited))
        {
            // The message must not advise ending a process that may be this very one.
            _observer?.OnWarning(awaited.IsOwn
                ? $"Another command of this shell is submitting the video of '{subject}' as task {earlier.Id} and has no answer yet; waiting for it, so that it is not bought twice. Leave the shell open: without it, nobody would know whether the video was bought."
                : $"Another command is submitting the video of '{subject}' as task {earlier.Id} and has no answer yet; waiting for it, so that it is not bought twice. If that command hangs, end its process.");
        }

        return new Retry(new KlingException(ErrorKind.TaskPending, $"Another command is submitting the video of '{subject}' as task {earlier.Id} and has no answer yet."));
    }

    /// <param name="Task">The task that somebody else is submitting.</param>
    /// <param name="IsOwn">Whether it is this process itself, for another command.</param>
    /// <param name="TellsAt">When a message says that this one is waiting for the purchase.</param>
    private sealed record AwaitedPurchase(KlingVideoTask Task, bool IsOwn, Instant TellsAt);
}
