using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>The uploads that a video is made from. The service keeps them for a day, and the machine may sleep for longer before the request leaves.</summary>
/// <param name="uploader">Uploads files.</param>
/// <param name="upload">Uploads what the service does not have, adds all uploads to a list, and returns the video with their addresses.</param>
/// <param name="time">The clock.</param>
internal sealed class PreparedUploads(ImageUploader uploader, Func<List<UploadRecord>, CancellationToken, Task<VideoSpec>> upload, TimeProvider time)
{
    private readonly List<UploadRecord> _uploads = [];
    private Moment _checkedAt;

    /// <summary>Whether something is being uploaded, or could not be.</summary>
    public bool AreUnderWay { get; private set; }

    /// <summary>Uploads what is to be uploaded.</summary>
    /// <param name="cancellationToken">Stops the uploads.</param>
    /// <returns>The video, with the addresses of its uploads.</returns>
    public async Task<VideoSpec> UploadAsync(CancellationToken cancellationToken)
    {
        AreUnderWay = true;
        _checkedAt = Moment.Now(time);
        _uploads.Clear();
        VideoSpec spec = await upload(_uploads, cancellationToken).ConfigureAwait(false);
        AreUnderWay = false;
        return spec;
    }

    /// <summary>Whether so much time has passed since they were made or checked that the service may not have them any more.</summary>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<bool> HaveEndedAsync(CancellationToken cancellationToken)
        => _checkedAt.Since(time) > ImageUploader.SurelyThere && !await uploader.AreUsableAsync(_uploads, cancellationToken).ConfigureAwait(false);
}
