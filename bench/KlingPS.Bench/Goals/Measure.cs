namespace KlingPS.Bench.Goals;

/// <summary>Something that is measured, with one figure or several.</summary>
/// <param name="Name">The word that <c>--only</c> takes.</param>
/// <param name="RunAsync">Measures it. The machine does nothing else meanwhile. Takes an empty folder, which is deleted afterwards.</param>
internal sealed record Measure(string Name, Func<string, Task<IReadOnlyList<Figure>>> RunAsync)
{
    /// <summary>Prepares it while what comes before it in the list is measured: only for what does almost nothing but wait. Takes the same folder.</summary>
    public Func<string, Task> PrepareAsync { get; init; } = _ => Task.CompletedTask;
}
