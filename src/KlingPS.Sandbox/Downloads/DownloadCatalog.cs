using KlingPS.Sandbox.Jobs;
using KlingPS.Sandbox.Uploads;

namespace KlingPS.Sandbox.Downloads;

/// <summary>What is to be had at the download host.</summary>
internal sealed class DownloadCatalog(Account account, UploadStore uploads, long videoSize, TimeSpan linkLifetime, TimeProvider timeProvider)
{
    /// <summary>Null if there is nothing, not yet or no longer. A signed link works though the plain one has been made to expire.</summary>
    internal DownloadContent? Find(string path, bool isSigned)
    {
        if (FindJob(path) is not Job job)
        {
            return uploads.Find(path) is StoredUpload upload ? new UploadContent(upload) : null;
        }

        DateTimeOffset now = timeProvider.GetUtcNow();
        bool isThere = job.HasSucceeded(now) && now < job.EndsAt + linkLifetime && (isSigned || !job.LinkIsDead);
        return isThere ? VideoContent.Of(job, videoSize) : null;
    }

    /// <summary>Makes the plain link of a video expire.</summary>
    internal void KillLink(string path) => FindJob(path)?.KillLink();

    private Job? FindJob(string path)
    {
        const string Folder = "k/";
        int end = path.IndexOf('_', StringComparison.Ordinal);
        return path.StartsWith(Folder, StringComparison.Ordinal) && end > Folder.Length
            && account.Find(path[Folder.Length..end]) is Job job && job.ResultPath == path
            ? job
            : null;
    }
}
