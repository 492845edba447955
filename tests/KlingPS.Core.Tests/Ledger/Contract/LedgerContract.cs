using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>
/// What every ledger has to do, whatever it is made of. Each ledger there is derives its tests from these classes; see
/// <see cref="SqliteLedgerTests"/> and <see cref="ConflictingLedgerTests"/>.
/// </summary>
public abstract class LedgerContract : IAsyncLifetime
{
    private SqlLedger? _ledger;

    private protected LedgerContract(LedgerHost host) => Host = host;

    /// <summary>Where the ledger is, for all who share it.</summary>
    private protected LedgerHost Host { get; }

    /// <summary>The ledger as this process has it open.</summary>
    private protected SqlLedger Ledger => _ledger!;

    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _ledger = await Host.OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected async Task<KlingVideoTask> AcceptedAsync(string taskId, string image = "a")
        => await Ledger.Tasks.AcceptAsync((await Ledger.Tasks.BeginAsync(TempLedger.Intent(image), Token)).Id, taskId);

    private protected async Task<KlingVideoTask> UnknownAsync(string image = "a")
        => await Ledger.Tasks.LoseAsync((await Ledger.Tasks.BeginAsync(TempLedger.Intent(image), Token)).Id);

    private protected static async Task RefusedAsync(Func<Task> act)
        => Assert.Equal(ErrorKind.RequestInvalid, (await Assert.ThrowsAsync<KlingException>(act)).Kind);
}
