namespace KlingPS.Sandbox.Jobs;

/// <summary>The account at one moment.</summary>
internal sealed record AccountStatement(decimal Spent, decimal Held, decimal Left, IReadOnlyList<SandboxTask> Tasks);
