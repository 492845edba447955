using KlingPS.Core.Imaging;
using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>A submission whose local images have been read: it is known which video it stands for.</summary>
/// <param name="Submission">The submission, its images with their hashes.</param>
/// <param name="Image">The image, if it is a local file.</param>
/// <param name="TailImage">The image the video ends with, likewise.</param>
/// <param name="Identity">What makes two purchases the same.</param>
public sealed record IdentifiedSubmission(Submission Submission, IdentifiedImage? Image, IdentifiedImage? TailImage, string Identity)
{
    /// <summary>Refuses what the model would not take. For what is to be bought: what has been bought before is used, whatever the rules say today.</summary>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.RequestInvalid"/>: see <see cref="ModelSpec.Validate(VideoSpec)"/>. <see cref="ErrorKind.ImageUnsupported"/>: the model
    /// takes no images like this one.
    /// </exception>
    public void Validate()
    {
        ModelSpec model = ModelCatalog.Get(Submission.Spec.Model);
        model.Validate(Submission.Spec);
        foreach (ImageReport image in new[] { Image?.Report, TailImage?.Report }.OfType<ImageReport>())
        {
            model.Validate(image);
        }
    }
}
