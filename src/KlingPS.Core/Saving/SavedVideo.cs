using KlingPS.Core.Model;

namespace KlingPS.Core.Saving;

/// <summary>A video that is whole on disk.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Task">The task it comes from.</param>
public sealed record SavedVideo(string Path, KlingVideoTask Task);
