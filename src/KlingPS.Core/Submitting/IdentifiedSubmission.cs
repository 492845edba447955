namespace KlingPS.Core.Submitting;

/// <summary>A submission whose local images have been read: it is known which video it stands for.</summary>
/// <param name="Submission">The submission, its images with their hashes.</param>
/// <param name="Image">The image, if it is a local file.</param>
/// <param name="TailImage">The image the video ends with, likewise.</param>
/// <param name="Identity">What makes two purchases the same.</param>
public sealed record IdentifiedSubmission(Submission Submission, IdentifiedImage? Image, IdentifiedImage? TailImage, string Identity);
