using System.Security;

namespace KlingPS.Sessions;

/// <summary>What a secret store said when it was asked for a secret.</summary>
/// <param name="Secret">The secret, if it gave one; whoever has asked disposes of it.</param>
/// <param name="Problem">Why it gave none, as sentences that name the command that helps.</param>
internal sealed record SecretAnswer(SecureString? Secret, string? Problem);
