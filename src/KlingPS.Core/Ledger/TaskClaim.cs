using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>The end of an attempt to be the one who buys a video.</summary>
/// <param name="Task">The task that was begun, or the purchase that stood in its way.</param>
/// <param name="IsNew">Whether it was begun: only then may it be submitted.</param>
public sealed record TaskClaim(KlingVideoTask Task, bool IsNew);
