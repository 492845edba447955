using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Ledger.Contract;

namespace KlingPS.Core.Tests.Ledger.Postgres;

/// <summary>In a ledger on a server the days are those of one time zone, whatever the zones of the machines are.</summary>
public sealed class SharedDayTests : IAsyncDisposable
{
    private readonly PostgresHost _host = new(isPooled: false);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _host.SqlAsync("UPDATE settings SET value = 'UTC' WHERE name = 'time_zone'");
        await _host.DisposeAsync();
    }

    [Theory]
    [InlineData("Pacific/Kiritimati", 14)]
    [InlineData("Pacific/Pago_Pago", -11)]
    [InlineData("<+07>-07", 7)]
    public async Task Spending_and_the_limit_of_a_day_go_by_the_zone_that_the_ledger_has(string zone, int hours)
    {
        await _host.StartAsync();
        await using SqlLedger ledger = Open();
        await ledger.OpenAsync(Token);
        await _host.SqlAsync($"UPDATE settings SET value = '{zone}' WHERE name = 'time_zone'");

        KlingVideoTask task = await ledger.Tasks.BeginAsync(LedgerHost.Intent(), Token);
        DateTimeOffset there = task.CreatedAt.ToOffset(TimeSpan.FromHours(hours));

        Assert.Equal(there.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Assert.Single(await ledger.Spending.SumAsync(new SpendFilter(), KlingSpendGroup.Day, Token)).Group);
        Assert.Equal(new DateTimeOffset(there.Date, there.Offset), await ledger.Spending.FindTodayAsync(Token));

        // What was asked for before that midnight does not count today.
        await _host.SqlAsync(FormattableString.Invariant($"UPDATE tasks SET created_at = {new DateTimeOffset(there.Date, there.Offset).ToUnixTimeMilliseconds() - 1}"));
        TaskIntent intent = LedgerHost.Intent("other", budget: new BudgetLimit { DailyCredits = 50 });
        await ledger.Tasks.BeginAsync(intent, Token);
        Assert.Equal(2, (await ledger.Spending.SumAsync(new SpendFilter(), KlingSpendGroup.Day, Token)).Count);
    }

    private SqlLedger Open() => new(
        new PostgresEngine(_host.Address, () => PostgresProvider.Factory, new LedgerCredentials(_host.Address, _ => null)),
        new ProcessOwners(ProcessIdentity.Current, owner => owner.IsAlive()),
        TimeProvider.System);
}
