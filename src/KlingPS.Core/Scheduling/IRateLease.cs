namespace KlingPS.Core.Scheduling;

/// <summary>A slot of a gate. Disposing it says that its request is over; doing so again, or after it was handed back, has no effect.</summary>
internal interface IRateLease : IAsyncDisposable
{
    /// <summary>Says that nothing was sent: the slot is free at once.</summary>
    ValueTask HandBackAsync();
}
