using System.Diagnostics;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Submitting;

/// <summary>The uploads that a video is made from. The service keeps them for a day, and the machine may sleep for longer before the request leaves.</summary>
/// <param name="uploader">Uploads files.</param>
/// <param name="identified">The video, with what is known of its files.</param>
/// <param name="time">The clock.</param>
internal sealed class PreparedUploads(ImageUploader uploader, IdentifiedSubmission identified, TimeProvider time)
{
    private readonly List<UploadRecord> _uploads = [];
    private Moment _checkedAt;

    /// <summary>Whether something is being uploaded, or could not be.</summary>
    public bool AreUnderWay { get; private set; }

    /// <summary>Uploads the local files that the service does not have, to where it can fetch them.</summary>
    /// <param name="cancellationToken">Stops the uploads.</param>
    /// <returns>The video, with the addresses of its uploads.</returns>
    public async Task<VideoSpec> UploadAsync(CancellationToken cancellationToken)
    {
        AreUnderWay = true;
        _checkedAt = Moment.Now(time);
        _uploads.Clear();
        VideoSpec spec = await UploadFilesAsync(cancellationToken).ConfigureAwait(false);
        AreUnderWay = false;
        return spec;
    }

    /// <summary>Whether so much time has passed since they were made or checked that the service may not have them any more.</summary>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<bool> HaveEndedAsync(CancellationToken cancellationToken)
        => _checkedAt.Since(time) > ImageUploader.SurelyThere && !await uploader.AreUsableAsync(_uploads, cancellationToken).ConfigureAwait(false);

    private async Task<VideoSpec> UploadFilesAsync(CancellationToken cancellationToken)
    {
        VideoSpec spec = identified.Submission.Spec;
        using Activity? activity = KlingTelemetry.Start("upload image", identified.Submission.Subject);
        var references = new List<MediaSource>();
        foreach (MediaSource reference in spec.ReferenceImages)
        {
            references.Add((await UploadAsync(reference, reference.IsFile ? identified.References[reference.Path!] : null, cancellationToken).ConfigureAwait(false))!);
        }

        return spec with
        {
            Image = await UploadAsync(spec.Image, identified.Image, cancellationToken).ConfigureAwait(false),
            TailImage = await UploadAsync(spec.TailImage, identified.TailImage, cancellationToken).ConfigureAwait(false),
            ReferenceImages = new(references),
            Video = await UploadAsync(spec.Video, identified.Video, cancellationToken).ConfigureAwait(false),
            Audio = await UploadAsync(spec.Audio, identified.Audio, cancellationToken).ConfigureAwait(false),
        };
    }

    private async Task<MediaSource?> UploadAsync(MediaSource? source, IdentifiedImage? image, CancellationToken cancellationToken)
        => source is null || image is null ? source : Use((await uploader.UploadAsync(image, force: false, cancellationToken).ConfigureAwait(false)).Upload, source);

    private async Task<MediaSource?> UploadAsync(MediaSource? source, IdentifiedClip? clip, CancellationToken cancellationToken)
        => source is null || clip is null ? source : Use(await uploader.UploadAsync(clip, cancellationToken).ConfigureAwait(false), source);

    private MediaSource Use(UploadRecord upload, MediaSource source)
    {
        _uploads.Add(upload);
        return source with { Uri = upload.Uri };
    }
}
