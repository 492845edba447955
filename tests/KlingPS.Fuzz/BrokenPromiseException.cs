namespace KlingPS.Fuzz;

/// <summary>An input was read without an error, and what came out cannot be right.</summary>
internal sealed class BrokenPromiseException(string message) : Exception(message);
