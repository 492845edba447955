using KlingPS.Core.Imaging;

namespace KlingPS.Core.Submitting;

/// <summary>An image that the service would take.</summary>
/// <param name="Report">What the file is.</param>
/// <param name="Hash">The SHA-256 of its content, in lower-case hex.</param>
public sealed record IdentifiedImage(ImageReport Report, string Hash);
