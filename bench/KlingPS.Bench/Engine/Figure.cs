namespace KlingPS.Bench.Engine;

/// <summary>One line of the results.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Target">What it has to be; empty for a figure that only explains another.</param>
/// <param name="Measured">What it is.</param>
/// <param name="Holds">Whether that is good enough; <see langword="null"/> without a target.</param>
internal sealed record Figure(string Name, string Target, string Measured, bool? Holds = null)
{
    public string ToRow() => $"| {Name} | {Target} | {Measured} | {(Holds is bool holds ? holds ? "yes" : "**no**" : string.Empty)} |";
}
