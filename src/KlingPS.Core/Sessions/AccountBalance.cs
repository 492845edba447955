namespace KlingPS.Core.Sessions;

/// <summary>What an account had left.</summary>
/// <param name="Credits">The credits.</param>
/// <param name="At">When the service said so.</param>
internal sealed record AccountBalance(decimal Credits, DateTimeOffset At);
