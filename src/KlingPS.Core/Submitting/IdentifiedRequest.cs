namespace KlingPS.Core.Submitting;

/// <summary>A request whose local images have been looked at: it is known which video it stands for.</summary>
/// <param name="Request">The request.</param>
/// <param name="Image">The image, if it is a local file.</param>
/// <param name="TailImage">The image the video ends with, likewise.</param>
/// <param name="Identity">What makes two purchases the same.</param>
public sealed record IdentifiedRequest(SubmissionRequest Request, IdentifiedImage? Image, IdentifiedImage? TailImage, string Identity);
