using KlingPS.Core.Model;

namespace KlingPS.Core.Callbacks;

/// <summary>The task that a callback is about.</summary>
/// <param name="Task">The task, as the ledger has it.</param>
/// <param name="IsConfirmed">Whether the service has been asked for it.</param>
/// <param name="IsSettled">Whether it was an attempt whose answer had been missing, and is one no more.</param>
/// <param name="AbsorbedId">The local id of the record that the attempt has taken in, if the task had been known without whose it is.</param>
internal sealed record LocatedCallback(KlingVideoTask Task, bool IsConfirmed, bool IsSettled, long? AbsorbedId = null);
