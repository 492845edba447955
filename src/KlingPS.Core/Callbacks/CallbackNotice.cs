namespace KlingPS.Core.Callbacks;

/// <summary>What remains of a callback that was taken: a hint that the service has something to say of a task.</summary>
/// <param name="TaskId">The service's id.</param>
/// <param name="Nonce">The number of the attempt, if it was in the address or in the payload.</param>
/// <param name="IsSigned">Whether the service has signed for the task; without a key, anyone can send a hint.</param>
/// <param name="ReplayKey">Lets the guard forget it.</param>
internal sealed record CallbackNotice(string TaskId, string? Nonce, bool IsSigned, string ReplayKey);
