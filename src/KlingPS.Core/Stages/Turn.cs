namespace KlingPS.Core.Stages;

/// <summary>The place of an item among the others, in the order in which they came.</summary>
internal sealed class Turn
{
    private readonly TaskCompletionSource _passed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Creates the place behind those that came before.</summary>
    /// <param name="previous">The <see cref="Settled"/> of the item before it.</param>
    public Turn(Task previous)
    {
        Previous = previous;
        Settled = SettleAsync();
    }

    /// <summary>Ends when all items before it have settled: now it is its turn.</summary>
    public Task Previous { get; }

    /// <summary>Ends when it and all items before it have passed.</summary>
    public Task Settled { get; }

    /// <summary>Whether it has passed.</summary>
    public bool HasPassed => _passed.Task.IsCompleted;

    /// <summary>It holds up none of those behind it any more. May be called more than once, and before its turn has come.</summary>
    public void Pass() => _passed.TrySetResult();

    private async Task SettleAsync()
    {
        await _passed.Task.ConfigureAwait(false);

        // Thousands may wait for one: each continues on a stack of its own.
        await Previous.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
    }
}
