using System.Collections.Concurrent;
using System.Data.Common;
using KlingPS.Core;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Sessions;

/// <summary>What the service charged for earlier videos, from the ledger if there is one. The ledger is only read; no account is needed, and an unreadable ledger counts as empty.</summary>
/// <remarks>Create it on the pipeline thread; it may be used on any.</remarks>
internal sealed class PaidVideos
{
    private readonly string? _account = RunspaceConnection.Current.Session?.Account;
    private readonly string? _location = RunspaceConnection.Current.Session?.Ledger.Location;
    private readonly ConcurrentDictionary<PriceKind, Task<PaidVideo?>> _kinds = new();

    /// <summary>The last finished video of the same kind.</summary>
    public Task<PaidVideo?> FindLastAsync(VideoSpec spec) => _kinds.GetOrAdd(PriceKind.Of(spec), _ => ReadAsync(spec));

    private async Task<PaidVideo?> ReadAsync(VideoSpec spec)
    {
        try
        {
            using TaskSuggestions? ledger = await Ledgers.OpenReadOnlyAsync(_location).ConfigureAwait(false);
            return ledger is null ? null : await ledger.FindLastPaidAsync(_account, spec, PriceEstimate.UpToDateFrom(spec.Model)).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is DbException or KlingException or IOException)
        {
            return null;
        }
    }
}
