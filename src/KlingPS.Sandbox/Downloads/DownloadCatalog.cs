using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Downloads;

/// <summary>The files at the download host.</summary>
internal sealed class DownloadCatalog(ServiceState state, long videoSize, TimeSpan linkLifetime)
{
    /// <summary>Null if there is no such file, not yet or no longer. A signed link works even when the plain one has been made to expire.</summary>
    internal DownloadContent? Find(string path, bool isSigned)
    {
        if (FindJob(path) is not Job job)
        {
            return state.Uploads.Find(path) is StoredUpload upload ? new UploadContent(upload) : null;
        }

        DateTimeOffset now = state.TimeProvider.GetUtcNow();
        bool isAvailable = job.HasSucceeded(now) && now < job.EndsAt + linkLifetime && (isSigned || !job.LinkIsExpired);
        return isAvailable ? VideoContent.Create(job, videoSize) : null;
    }

    /// <summary>Makes the plain link of a video expire.</summary>
    internal void ExpireLink(string path) => FindJob(path)?.ExpireLink();

    private Job? FindJob(string path)
    {
        const string Folder = "k/";
        int end = path.IndexOf('_', StringComparison.Ordinal);
        return path.StartsWith(Folder, StringComparison.Ordinal) && end > Folder.Length
            && state.FindJob(path[Folder.Length..end]) is Job job && job.ResultPath == path
            ? job
            : null;
    }
}
