using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Tests.Ledger;

namespace KlingPS.Core.Tests.Resolving;

public sealed class RecordedTasksTests : IAsyncDisposable
{
    private readonly TempLedger _here = new();
    private readonly TempLedger _there = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _here.DisposeAsync();
        await _there.DisposeAsync();
    }

    [Fact]
    public async Task A_task_of_another_ledger_is_not_taken_for_the_one_that_has_its_number_here()
    {
        SqlLedger ledger = await _here.OpenAsync();
        KlingVideoTask own = await ledger.Tasks.BeginAsync(TempLedger.Intent("fox"), Token);
        KlingVideoTask other = await (await _there.OpenAsync()).Tasks.BeginAsync(TempLedger.Intent("fox"), Token);
        Assert.Equal(own.Id, other.Id);

        foreach (string? account in (string?[])[TempLedger.Account, null])
        {
            var recorded = new RecordedTasks(ledger, account);

            KlingException error = await Assert.ThrowsAsync<KlingException>(() => recorded.FindAsync(new TaskReference { Task = other }, Token));

            Assert.Equal(ErrorKind.TaskNotFound, error.Kind);
            Assert.Contains($"Task {own.Id} in the ledger '{ledger.Location}' is not the task that was given", error.Message, StringComparison.Ordinal);
            Assert.Equal(own, await recorded.FindAsync(new TaskReference { Task = own }, Token));
            Assert.Equal(own, await recorded.FindAsync(new TaskReference { Id = other.Id }, Token));
        }
    }

    [Fact]
    public async Task A_task_is_found_by_what_it_was_before_the_service_gave_it_an_id()
    {
        SqlLedger ledger = await _here.OpenAsync();
        KlingVideoTask begun = await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token);
        await ledger.Tasks.AcceptAsync(begun.Id, "t1");

        KlingVideoTask found = await new RecordedTasks(ledger, TempLedger.Account).FindAsync(new TaskReference { Task = begun }, Token);

        Assert.Equal((begun.Id, "t1"), (found.Id, found.TaskId));
    }
}
