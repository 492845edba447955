using KlingPS.Core.Gallery;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Tests.Ledger;

namespace KlingPS.Core.Tests.Gallery;

public sealed class GallerySourceTests
{
    private const string Alias = "another key";

    [Fact]
    public async Task A_gallery_has_the_tasks_of_all_keys_of_an_account_and_of_no_other()
    {
        await using var host = new TempLedger();
        SqlLedger ledger = await host.OpenAsync();
        CancellationToken token = TestContext.Current.CancellationToken;
        await ledger.Accounts.RecordAsync(new AccountKey(TempLedger.Account, TempLedger.Account) { Service = "kie.ai", IsSettled = true }, token);
        await ledger.Accounts.RecordAsync(new AccountKey(Alias, TempLedger.Account) { Service = "kie.ai", IsSettled = true }, token);
        int number = 0;
        foreach (string account in (string[])[TempLedger.Account, Alias, "another account", Alias, TempLedger.Account])
        {
            await ledger.Tasks.BeginAsync(TempLedger.Intent($"image {++number}", account: account), token);
        }

        foreach (string? account in (string?[])[null, TempLedger.Account, Alias, "another account", "nobody's"])
        {
            GallerySource source = await GallerySource.ReadAsync(ledger, account, host.Time, token);

            Assert.Equal(await ledger.Tasks.ListAsync(new TaskFilter { Account = account }, token), source.Own);
            Assert.Equal(5, source.Recorded.Count);
        }
    }
}
