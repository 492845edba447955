using KlingPS.Core.Secrets;

namespace KlingPS.Sessions;

/// <summary>A key and where it came from.</summary>
/// <param name="Key">The key.</param>
/// <param name="Source">Where it came from.</param>
internal sealed record FoundKey(ApiKey Key, KeySource Source);
