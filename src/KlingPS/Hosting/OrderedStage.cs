using KlingPS.Core;
using KlingPS.Core.Stages;

namespace KlingPS.Hosting;

/// <summary>Makes stages of work that is independent for each item.</summary>
internal static class OrderedStage
{
    /// <summary>A stage that works on several items at a time and hands out their results in the order of the input.</summary>
    /// <param name="limit">The most items at a time.</param>
    /// <param name="work">What is done with an item; a <see cref="KlingException"/> from it is the item's error.</param>
    public static ConcurrentStage<TItem, Outcome<TItem, TValue>> Create<TItem, TValue>(int limit, Func<TItem, CancellationToken, Task<TValue>> work)
        where TValue : class
        => new(
            async (item, token) =>
            {
                try
                {
                    return new(item, await work(item, token).ConfigureAwait(false), null);
                }
                catch (KlingException exception)
                {
                    return new(item, null, exception);
                }
            },
            limit,
            inOrder: true);
}
