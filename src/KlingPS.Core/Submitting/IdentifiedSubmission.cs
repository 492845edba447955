using System.Collections.Frozen;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>A submission whose local images have been read: it is known which video it stands for.</summary>
/// <param name="Submission">The submission, with the hashes of its images and its texts as they are sent to the service.</param>
/// <param name="Image">The image, if it is a local file.</param>
/// <param name="TailImage">The image that the video ends with, likewise.</param>
/// <param name="Identity">What makes two purchases the same.</param>
internal sealed record IdentifiedSubmission(Submission Submission, IdentifiedImage? Image, IdentifiedImage? TailImage, string Identity)
{
    /// <summary>What was asked for, with its texts as they were given.</summary>
    public required VideoSpec Given { get; init; }

    /// <summary>An earlier purchase, if this one differs from it only in the content of the files.</summary>
    public EarlierVersion? EarlierVersion { get; init; }

    /// <summary>The reference images that are local files, by their paths.</summary>
    public IReadOnlyDictionary<string, IdentifiedImage> References { get; init; } = FrozenDictionary<string, IdentifiedImage>.Empty;

    /// <summary>The video that it is made from, if that is a local file.</summary>
    public IdentifiedClip? Video { get; init; }

    /// <summary>What is heard in it, likewise.</summary>
    public IdentifiedClip? Audio { get; init; }

    /// <summary>Refuses what the model would not take. Only for what is to be bought: an earlier purchase is used even if the rules have changed.</summary>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: see <see cref="ModelSpec.Validate(VideoSpec, string, string)"/>.
    /// <see cref="ErrorKind.ImageUnsupported"/>: the model takes no images like this one.
    /// </exception>
    public void Validate()
    {
        ModelSpec model = ModelCatalog.Get(Submission.Spec.Model);
        model.Validate(Given, Submission.PromptPath is string path ? $"the prompt in '{path}'" : "the prompt");
        foreach (ImageReport image in new[] { Image, TailImage }.Concat(References.Values).OfType<IdentifiedImage>().Select(image => image.Report!))
        {
            model.Validate(image);
        }

        if (Video is not null)
        {
            model.ValidateVideo(Video.Report);
        }

        if (Audio is not null)
        {
            model.ValidateAudio(Audio.Report);
        }
    }
}
