namespace KlingPS.Core.Stages;

/// <summary>What has become of an item: a value, an error, or both (a failed task is both).</summary>
/// <typeparam name="TItem">The item.</typeparam>
/// <typeparam name="TValue">What came of it.</typeparam>
/// <param name="Item">The item.</param>
/// <param name="Value">What came of it.</param>
/// <param name="Error">What went wrong.</param>
public sealed record Outcome<TItem, TValue>(TItem Item, TValue? Value, KlingException? Error)
    where TValue : class;
