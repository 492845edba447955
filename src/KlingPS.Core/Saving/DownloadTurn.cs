using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Saving;

/// <summary>
/// The slot of one video among those that are downloaded at the same time. It is given up while the video waits for its next attempt, so
/// that servers that hardly send anything do not hold up the others.
/// </summary>
/// <param name="slots">The slots.</param>
internal sealed class DownloadTurn(PrioritySlots slots) : IDisposable
{
    private IDisposable? _slot;

    /// <summary>Waits for a slot for the first attempt.</summary>
    /// <param name="deadline">The earlier, the more urgent.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task EnterAsync(DateTimeOffset deadline, CancellationToken cancellationToken)
        => _slot ??= await slots.EnterAsync(deadline, cancellationToken).ConfigureAwait(false);

    /// <summary>Waits for a slot for another attempt, behind all that have not had one.</summary>
    public Task EnterAgainAsync(CancellationToken cancellationToken) => EnterAsync(DateTimeOffset.MaxValue, cancellationToken);

    /// <summary>Gives the slot up; another attempt needs one again.</summary>
    public void Leave()
    {
        _slot?.Dispose();
        _slot = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Leave();
}
