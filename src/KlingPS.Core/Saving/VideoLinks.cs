using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Network;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Saving;

/// <summary>Links to videos: those that the ledger has, and those that the service gives when these do not work.</summary>
/// <param name="client">Renews links.</param>
/// <param name="finder">Asks for tasks.</param>
/// <param name="questions">The questions to the service, which are given up together.</param>
/// <param name="addresses">Which links may be followed.</param>
internal sealed class VideoLinks(KlingClient client, TaskFinder finder, ServiceQuestions questions, AddressPolicy addresses)
{
    /// <summary>The link to a video; if the recorded one cannot be followed, the one that the service gives now.</summary>
    /// <param name="task">The task.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.AnswerInvalid"/>: the service gives none that may be followed.</exception>
    public async Task<Uri> GetAsync(KlingVideoTask task, CancellationToken cancellationToken)
    {
        if (FindLink(task, out _) is Uri recorded)
        {
            return recorded;
        }

        KlingVideoTask fresh = await finder.RefreshAsync(task, cancellationToken).ConfigureAwait(false);
        return FindLink(fresh, out string problem) ?? throw new KlingException(
            ErrorKind.AnswerInvalid,
            $"The service says that task {task.Id} ('{task.Subject}') has succeeded, but {problem}. Nothing is downloaded. "
            + "The video is paid for and stays at the service for at least a day; the next run asks for its link again.");
    }

    /// <summary>Asks for a working link: alternately for a renewed one and for the one that the service gives now, which may be a different one by then.</summary>
    /// <param name="task">The task.</param>
    /// <param name="link">The link that does not work.</param>
    public Func<CancellationToken, Task<Uri?>> CreateRenewal(KlingVideoTask task, Uri link)
    {
        bool isRenewedFirst = false;
        return async cancellationToken =>
        {
            isRenewedFirst = !isRenewedFirst;
            return isRenewedFirst
                ? await FindRenewedAsync(cancellationToken).ConfigureAwait(false) ?? await FindNamedAsync(cancellationToken).ConfigureAwait(false)
                : await FindNamedAsync(cancellationToken).ConfigureAwait(false) ?? await FindRenewedAsync(cancellationToken).ConfigureAwait(false);
        };

        Task<Uri?> FindRenewedAsync(CancellationToken cancellationToken) => questions.AskAsync(async () =>
        {
            try
            {
                return await client.GetDownloadUriAsync(link, task.Subject, cancellationToken).ConfigureAwait(false) is Uri renewed && renewed != link ? renewed : null;
            }
            catch (KlingApiException exception) when (exception.Fault == TransportFault.Answered)
            {
                // The service does not renew this link.
                return null;
            }
        });

        async Task<Uri?> FindNamedAsync(CancellationToken cancellationToken)
        {
            KlingVideoTask fresh = await finder.RefreshAsync(task, cancellationToken).ConfigureAwait(false);
            return FindLink(fresh, out _) is Uri named && named != link ? named : null;
        }
    }

    /// <summary>The link of a task; <see langword="null"/> if it has none that may be followed, and the reason, as a clause.</summary>
    private Uri? FindLink(KlingVideoTask task, out string problem)
    {
        if (task.ResultUri is null)
        {
            problem = "names no video that could be fetched";
            return null;
        }

        problem = addresses.FindProblem("the link to its video", task.ResultUri, out Uri? link) ?? string.Empty;
        return link;
    }
}
