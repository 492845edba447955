using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Downloads;

/// <summary>An uploaded file.</summary>
internal sealed class UploadContent(StoredUpload upload)
    : DownloadContent(upload.Sha256, upload.Size, upload.MediaType, upload.UploadedAt)
{
    internal override async Task CopyAsync(long offset, long count, Func<ReadOnlyMemory<byte>, Task> sink, CancellationToken cancellationToken)
    {
        using FileStream file = new(upload.LocalPath, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        file.Position = offset;
        byte[] buffer = new byte[64 * 1024];
        while (count > 0)
        {
            int wanted = (int)Math.Min(count, buffer.Length);
            await file.ReadExactlyAsync(buffer.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false);
            await sink(buffer.AsMemory(0, wanted)).ConfigureAwait(false);
            count -= wanted;
        }
    }
}
