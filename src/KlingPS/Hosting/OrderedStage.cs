using KlingPS.Core.Stages;

namespace KlingPS.Hosting;

/// <summary>Makes stages of work that is independent for each item.</summary>
internal static class OrderedStage
{
    /// <summary>A stage that works on several items at a time and hands out their results in the order of the input.</summary>
    /// <param name="limit">The most items at a time.</param>
    /// <param name="work">The work on an item; whatever it throws is the item's error.</param>
    /// <param name="describe">How a message names an item; if it is not given, by its text in quotation marks.</param>
    public static ConcurrentStage<TItem, Outcome<TItem, TValue>> Create<TItem, TValue>(
        int limit, Func<TItem, CancellationToken, Task<TValue>> work, Func<TItem, string>? describe = null)
        where TValue : class
        => new(
            (item, token) => Outcome.OfAsync(item, describe?.Invoke(item) ?? $"'{item}'", () => work(item, token), token),
            limit,
            inOrder: true);
}
