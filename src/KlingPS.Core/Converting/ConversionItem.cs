using KlingPS.Core.Saving;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Converting;

/// <summary>One image of a batch.</summary>
/// <param name="Submission">The video to make of it.</param>
/// <param name="Index">Its place in the batch, from 1.</param>
/// <param name="Name">What the video is called; <see langword="null"/> while that hangs on the purchase.</param>
public sealed record ConversionItem(Submission Submission, int Index, VideoName? Name);
