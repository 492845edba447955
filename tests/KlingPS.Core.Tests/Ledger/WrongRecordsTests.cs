using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>What earlier versions recorded as the service said it.</summary>
public sealed class WrongRecordsTests : IAsyncLifetime
{
    private readonly TempLedger _host = new();
    private SqlLedger _ledger = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _ledger = await _host.OpenAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    private async Task<KlingVideoTask> SucceededAsync(string taskId, BudgetLimit? budget = null)
    {
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(TempLedger.Intent(taskId, budget: budget), Token);
        await _ledger.Tasks.AcceptAsync(task.Id, taskId);
        return await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot(taskId, KlingTaskState.Succeeded, 42));
    }

    private async Task<KlingVideoTask> ReadAsync(KlingVideoTask task) => (await _ledger.Tasks.FindAsync(task.Id, Token))!;

    [Theory]
    [InlineData("-1000000")]
    [InlineData("-1")]
    [InlineData("10000000000000")]
    [InlineData("9223372036854775807")]
    public async Task A_price_that_is_none_neither_makes_room_under_a_limit_nor_ends_the_next_run(string thousandths)
    {
        var budget = new BudgetLimit { RunId = "run", MaxCredits = 100, DailyCredits = 100 };
        KlingVideoTask first = await SucceededAsync("t1", budget);
        KlingVideoTask second = await SucceededAsync("t2", budget);
        await _host.SqlAsync($"UPDATE tasks SET consumed = {thousandths}");

        Assert.Equal((42m, 42m), ((await ReadAsync(first)).CreditsConsumed, (await ReadAsync(second)).CreditsConsumed));
        Assert.Contains("84 of this run's limit", await _ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: budget), Token), StringComparison.Ordinal);
        Assert.Contains("84 of the day's limit", await _ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: budget with { MaxCredits = null }), Token), StringComparison.Ordinal);
        Assert.Null(await _ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent(budget: budget with { MaxCredits = 126, DailyCredits = 126 }), Token));
    }

    [Fact]
    public async Task A_reservation_that_is_none_counts_as_the_price_of_such_a_video()
    {
        var budget = new BudgetLimit { RunId = "run", MaxCredits = 50 };
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(TempLedger.Intent(budget: budget), Token);
        await _host.SqlAsync("UPDATE tasks SET reserved = -5000000");

        Assert.Equal(42, (await ReadAsync(task)).CreditsReserved);
        Assert.NotNull(await _ledger.Tasks.FindBudgetExcessAsync(TempLedger.Intent("b", budget: budget), Token));
    }

    [Theory]
    [InlineData("duration = -1")]
    [InlineData("duration = 9223372036854775807")]
    [InlineData("duration = 3601")]
    public async Task A_length_that_is_none_does_not_make_a_price_that_is_none(string change)
    {
        KlingVideoTask task = await _ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await _host.SqlAsync("UPDATE tasks SET reserved = -5000000, " + change);

        KlingVideoTask read = await ReadAsync(task);

        Assert.Equal((5, 42), (read.Duration, read.CreditsReserved));
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("1e27")]
    public async Task A_clip_whose_recorded_length_is_none_can_still_be_read(string seconds)
    {
        KlingVideoTask task = await SucceededAsync("t1");
        await _host.SqlAsync($$"""UPDATE tasks SET model = 'kling-2.6/motion-control', parameters = '{"inputSeconds":{{seconds}}}', consumed = -1""");

        Assert.InRange((await ReadAsync(task)).CreditsConsumed ?? 0, 0, VideoPrice.Max);
    }

    [Fact]
    public async Task A_failure_costs_nothing_whatever_was_recorded()
    {
        KlingVideoTask task = await SucceededAsync("t1");
        await _host.SqlAsync("UPDATE tasks SET state = 'Failed', consumed = -7");

        Assert.Equal(0, (await ReadAsync(task)).CreditsConsumed);
    }

    [Fact]
    public async Task Texts_without_end_are_cut_and_times_that_are_none_do_no_harm()
    {
        KlingVideoTask task = await SucceededAsync("t1");
        await _host.SqlAsync(
            "UPDATE tasks SET fail_message = replace(hex(zeroblob(1500000)), '0', 'x'), fail_code = replace(hex(zeroblob(1000)), '0', 'y'), "
            + "result_uri = 'https://files.example/' || replace(hex(zeroblob(100000)), '0', 'z'), accepted_at = 9223372036854775807, completed_at = 9223372036854775807");

        KlingVideoTask read = await ReadAsync(task);

        Assert.Equal((1001, 65, null), (read.FailMessage!.Length, read.FailCode!.Length, read.ResultUri));
        Assert.NotNull(read.ExpiresAt);
        await _ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot("t1", KlingTaskState.Succeeded));
    }

    [Theory]
    [InlineData("state = 'Sleeping'", "damaged (that of task 1: ")]
    [InlineData("parameters = '{ half'", "damaged (that of task 1: ")]
    [InlineData("saved_path = '/videos/a.mp4', saved_hash = NULL", "damaged (that of task 1: ")]
    [InlineData("image_uri = x'00ff'", "damaged (")]
    public async Task A_record_that_cannot_be_read_is_an_error_of_the_ledger_that_says_what_to_do(string change, string why)
    {
        KlingVideoTask task = await SucceededAsync("t1");
        await _host.SqlAsync("UPDATE tasks SET " + change);

        var errors = new List<Exception>();
        foreach (Func<Task> read in (Func<Task>[])
        [
            () => ReadAsync(task),
            () => _ledger.Tasks.ListAsync(new TaskFilter(), Token),
            () => _ledger.Tasks.ListSavedPathsAsync(Token),
            () => _ledger.Accounts.FindUploadAsync(TempLedger.Account, Token),
        ])
        {
            if (await Record.ExceptionAsync(read) is Exception error)
            {
                errors.Add(error);
            }
        }

        Assert.NotEmpty(errors);
        Assert.All(errors, error => Assert.Equal(ErrorKind.LedgerUnusable, Assert.IsType<KlingException>(error).Kind));
        Assert.Contains(errors, error => error.Message.Contains(why, StringComparison.Ordinal) && error.Message.Contains("restore a backup", StringComparison.Ordinal));
    }
}
