using KlingPS.Core.Ledger;

namespace KlingPS.Core.Pipeline;

/// <summary>A video that is whole on disk.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Task">The task it comes from.</param>
public sealed record SavedVideo(string Path, KlingVideoTask Task);
