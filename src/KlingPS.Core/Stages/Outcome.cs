namespace KlingPS.Core.Stages;

/// <summary>The result of an item: a value, an error, or both (a failed task is both).</summary>
/// <typeparam name="TItem">The item.</typeparam>
/// <typeparam name="TValue">What came of it.</typeparam>
/// <param name="Item">The item.</param>
/// <param name="Value">What came of it.</param>
/// <param name="Error">What went wrong.</param>
internal sealed record Outcome<TItem, TValue>(TItem Item, TValue? Value, KlingException? Error)
    where TValue : class;

/// <summary>Turns work into outcomes.</summary>
internal static class Outcome
{
    /// <summary>Works on an item. Whatever the work throws becomes the error of this item, unless it was stopped.</summary>
    /// <param name="item">The item.</param>
    /// <param name="subject">The item, as a message names it.</param>
    /// <param name="work">The work on it.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="OperationCanceledException">The work was stopped.</exception>
    public static async Task<Outcome<TItem, TValue>> OfAsync<TItem, TValue>(TItem item, string subject, Func<Task<TValue>> work, CancellationToken cancellationToken)
        where TValue : class
    {
        try
        {
            return new(item, await work().ConfigureAwait(false), null);
        }
#pragma warning disable CA1031 // What goes wrong with one item is the error of that item alone.
        catch (Exception exception) when (!UnexpectedError.IsStop(exception, cancellationToken))
#pragma warning restore CA1031
        {
            return new(item, null, UnexpectedError.From(exception, subject));
        }
    }
}
