using KlingPS.Core.Imaging;
using KlingPS.Core.Ledger;

namespace KlingPS.Core.Submitting;

/// <summary>An image that lies where the service can fetch it.</summary>
/// <param name="Report">What the file is.</param>
/// <param name="Upload">Where it lies.</param>
/// <param name="IsReused">Whether an earlier upload of the same content is used.</param>
public sealed record PreparedImage(ImageReport Report, UploadRecord Upload, bool IsReused);
