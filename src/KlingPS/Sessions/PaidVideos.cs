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
    /// <summary>Enough to find one of each kind that is asked for.</summary>
    private const int MaxVideos = 200;

    private readonly string? _account = RunspaceConnection.Current.Session?.Account;
    private readonly string? _location = RunspaceConnection.Current.Session?.Ledger.Location;
    private readonly ConcurrentDictionary<string, Task<IReadOnlyList<PaidVideo>>> _models = new();

    /// <summary>Finished videos of a model, latest first.</summary>
    public Task<IReadOnlyList<PaidVideo>> ListAsync(string model) => _models.GetOrAdd(model, ReadAsync);

    private async Task<IReadOnlyList<PaidVideo>> ReadAsync(string model)
    {
        try
        {
            using TaskSuggestions? ledger = await Ledgers.OpenReadOnlyAsync(_location).ConfigureAwait(false);
            return ledger is null ? [] : await ledger.ListPaidAsync(_account, model, MaxVideos).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is DbException or KlingException or IOException)
        {
            return [];
        }
    }
}
