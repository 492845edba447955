using System.Globalization;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Submitting;

/// <summary>
/// What other accounts, or keys whose account is not known yet, have bought at the same service, according to the ledger. A video of
/// theirs that is on disk is used. Any other is not bought a second time unless the user has asked for that.
/// </summary>
internal sealed class OtherPurchases(KlingService service)
{
    private readonly KlingSession _session = service.Session;
    private int _hasTold;

    /// <summary>A purchase of another account that is used instead of a new one.</summary>
    /// <param name="identified">The submission.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns><see langword="null"/> when the video is to be bought. One that is being submitted has to be waited for.</returns>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.BoughtElsewhere"/>: it was bought and is not on disk.
    /// <see cref="ErrorKind.AttemptUnknown"/>: it may have been bought with another key of the same account.
    /// </exception>
    public async Task<KlingVideoTask?> FindAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        Submission submission = identified.Submission;
        foreach (OtherAccount other in submission.AllowRepurchase ? [] : _session.Others)
        {
            KlingVideoTask? task = submission.ReusePurchase
                ? await _session.Ledger.Tasks.FindEarlierAsync(other.Account, submission.Spec, cancellationToken).ConfigureAwait(false)
                : await FindUnknownAsync(other, identified, cancellationToken).ConfigureAwait(false);
            if (task is null or { TaskState: KlingTaskState.Failed })
            {
                continue;
            }

            if (task.TaskState == KlingTaskState.Submitting)
            {
                return task;
            }

            bool isThere = task is { SavedPath: string path, SavedHash: string hash }
                && await service.Hashes.MatchAsync(path, hash, cancellationToken).ConfigureAwait(false);
            if (isThere || task.TakenAt is not null)
            {
                Tell(submission, task, other, isThere);
                return task;
            }

            throw CreateException(submission, task, other);
        }

        return null;
    }

    /// <summary>Whoever always buys also buys what another account has bought. But the key may belong to the same account.</summary>
    private Task<KlingVideoTask?> FindUnknownAsync(OtherAccount other, IdentifiedSubmission identified, CancellationToken cancellationToken)
        => other.Doubt is null
            ? Task.FromResult<KlingVideoTask?>(null)
            : _session.Ledger.Tasks.FindUnknownAsync(other.Account, identified.Submission.Spec, cancellationToken);

    private void Tell(Submission submission, KlingVideoTask task, OtherAccount other, bool isThere)
    {
        string where = isThere ? $"It is at '{task.SavedPath}' and is used" : "It was taken elsewhere";
        string text = $"The video of '{submission.Subject}' was bought with {other}, as task {task.Id} here. {where}; nothing is bought for it.{other.Remark}";
        if (Interlocked.Exchange(ref _hasTold, 1) == 0)
        {
            service.Observer?.OnWarning($"{text} The same goes for other videos of this run; -Verbose names each. To buy them with this key as well, use -AllowRepurchase.");
        }
        else
        {
            service.Observer?.OnNotice(text);
        }
    }

    private static KlingException CreateException(Submission submission, KlingVideoTask task, OtherAccount other)
    {
        string date = task.CreatedAt.ToLocalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        return task.TaskState == KlingTaskState.Unknown
            ? new KlingException(
                ErrorKind.AttemptUnknown,
                $"Nothing was sent for '{submission.Subject}': the same video was asked for on {date} with {other}, as task {task.Id}, and it is not known whether it was bought.{other.Remark}")
            {
                TaskNumber = task.Id,
                Advice = $"Connect with the key that asked for it{(other.Elsewhere is string there ? $", at {there}," : string.Empty)} and settle it there: Resolve-KlingVideoTask <id> with -TaskId, -Abandon or -Resubmit. "
                    + "To buy it with this key as well: ConvertTo-KlingVideo -AllowRepurchase, or New-KlingVideoTask -Force; if it was bought before, it is paid for twice.",
            }
            : new KlingException(
                ErrorKind.BoughtElsewhere,
                $"Nothing was bought for '{submission.Subject}': the same video was bought on {date} with {other}, as task {task.Id} here ({task.TaskId} of the service), and no file of it is on disk.{other.Remark}");
    }
}
