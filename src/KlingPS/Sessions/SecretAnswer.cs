using KlingPS.Core.Secrets;

namespace KlingPS.Sessions;

/// <summary>What a secret store said when it was asked for a key.</summary>
/// <param name="Key">The key, if it gave one.</param>
/// <param name="Problem">Why it gave none, as sentences that name the command that helps.</param>
internal sealed record SecretAnswer(ApiKey? Key, string? Problem);
