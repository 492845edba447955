using System.Collections.Frozen;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Submitting;

/// <summary>Finds out which video a submission stands for, by the content of its files.</summary>
/// <param name="uploader">Reads the files.</param>
/// <param name="session">The account, whose uploads are known by their addresses.</param>
internal sealed class SubmissionIdentifier(ImageUploader uploader, KlingSession session)
{
    /// <summary>Identifies a submission; sends nothing.</summary>
    /// <param name="submission">The submission.</param>
    /// <param name="isPresent">Whether every file is read, as it is to be bought from what is on disk now. Otherwise a hash that is recorded will do.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="KlingException">A file cannot be read, or no model takes it.</exception>
    public async Task<IdentifiedSubmission> IdentifyAsync(Submission submission, bool isPresent, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(submission);
        long maxLength = ModelCatalog.Get(submission.Spec.Model).MaxImageLength;
        IdentifiedImage? image = await IdentifyAsync(submission.Spec.Image, isPresent, maxLength, cancellationToken).ConfigureAwait(false);
        IdentifiedImage? tail = await IdentifyAsync(submission.Spec.TailImage, isPresent, maxLength, cancellationToken).ConfigureAwait(false);
        var references = new Dictionary<string, IdentifiedImage>();
        foreach (MediaSource reference in submission.Spec.ReferenceImages.Where(reference => reference.IsFile))
        {
            references[reference.Path!] = (await IdentifyAsync(reference, isPresent, maxLength, cancellationToken).ConfigureAwait(false))!;
        }

        IdentifiedClip? video = await IdentifyClipAsync(submission.Spec.Video, isPresent, cancellationToken).ConfigureAwait(false);
        IdentifiedClip? audio = await IdentifyClipAsync(submission.Spec.Audio, isPresent, cancellationToken).ConfigureAwait(false);
        var known = new List<MediaSource>();
        foreach (MediaSource reference in submission.Spec.ReferenceImages)
        {
            known.Add((await KnowAsync(reference, reference.IsFile ? references[reference.Path!].Hash : null, cancellationToken).ConfigureAwait(false))!);
        }

        VideoSpec spec = submission.Spec.Normalized() with
        {
            Image = await KnowAsync(submission.Spec.Image, image?.Hash, cancellationToken).ConfigureAwait(false),
            TailImage = await KnowAsync(submission.Spec.TailImage, tail?.Hash, cancellationToken).ConfigureAwait(false),
            ReferenceImages = new(known),
            Video = await KnowAsync(submission.Spec.Video, video?.Hash, cancellationToken).ConfigureAwait(false),
            Audio = await KnowAsync(submission.Spec.Audio, audio?.Hash, cancellationToken).ConfigureAwait(false),
            InputSeconds = VideoLength.From((video ?? audio)?.Report.Seconds),
        };
        return new IdentifiedSubmission(submission with { Spec = spec }, image, tail, spec.GetIdentity())
        {
            Given = submission.Spec,
            References = references.Count == 0 ? FrozenDictionary<string, IdentifiedImage>.Empty : references,
            Video = video,
            Audio = audio,
        };
    }

    private async Task<IdentifiedClip?> IdentifyClipAsync(MediaSource? source, bool isPresent, CancellationToken cancellationToken)
        => source is { IsFile: true, Path: string path } ? await uploader.IdentifyClipAsync(path, isPresent, cancellationToken).ConfigureAwait(false) : null;

    private async Task<IdentifiedImage?> IdentifyAsync(MediaSource? source, bool isPresent, long maxLength, CancellationToken cancellationToken)
        => source is { IsFile: true, Path: string path } ? await uploader.IdentifyAsync(path, isPresent, maxLength, cancellationToken).ConfigureAwait(false) : null;

    /// <summary>
    /// A source with what is known about its content. For a local file, that is what has been read; where an earlier attempt uploaded it says
    /// nothing about its content now. An upload of ours is what was uploaded: given by its address, as by a task or an upload from the pipeline,
    /// it makes the same video as its file.
    /// </summary>
    private async Task<MediaSource?> KnowAsync(MediaSource? source, string? hash, CancellationToken cancellationToken)
        => source is not null && hash is not null ? source with { Hash = hash, Uri = null }
            : source is { IsFile: false, Hash: null, Uri: string uri }
                ? source with { Hash = await session.Ledger.Uploads.FindContentAsync(session.Account, uri, cancellationToken).ConfigureAwait(false) }
                : source;
}
