namespace KlingPS.Sandbox.Jobs;

/// <summary>
/// How a task will turn out, decided when it is accepted: time on top of the usual, its failure if it is to fail, and
/// whether the plain link to its video is expired from the start.
/// </summary>
internal sealed record Fate(TimeSpan ExtraTime, (string Code, string Message)? Failure, bool LinkIsDead);
