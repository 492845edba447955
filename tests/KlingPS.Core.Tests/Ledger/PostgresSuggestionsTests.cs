using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Ledger.Contract;

namespace KlingPS.Core.Tests.Ledger;

public sealed class PostgresSuggestionsTests : IAsyncLifetime
{
    private readonly PostgresHost _host = new(isPooled: false);

    public ValueTask InitializeAsync() => _host.StartAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task Ids_are_completed_from_a_ledger_on_a_server()
    {
        SqlLedger ledger = await _host.OpenAsync();
        await ledger.Tasks.RecordSnapshotAsync(LedgerHost.Account, LedgerHost.Snapshot("abc", KlingTaskState.Succeeded, 42) with { Spec = new VideoSpec { Prompt = "a fox runs" } });

        using TaskSuggestions suggestions = await PostgresLedger.OpenReadOnlyAsync(_host.Address);

        Assert.Equal([1L], (await suggestions.ListByIdAsync(LedgerHost.Account, null, string.Empty, 5)).Select(task => task.Id));
        Assert.Equal([1L], (await suggestions.ListByIdAsync(null, KlingTaskState.Succeeded, "1", 5)).Select(task => task.Id));
        Assert.Equal([1L], (await suggestions.ListByTaskIdAsync(LedgerHost.Account, "a", 5)).Select(task => task.Id));
        Assert.NotNull(await suggestions.FindLastPaidAsync(LedgerHost.Account, LedgerHost.Intent().Spec, DateTimeOffset.UnixEpoch));
    }
}
