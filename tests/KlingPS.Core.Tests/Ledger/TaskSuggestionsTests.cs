using System.Globalization;
using CsCheck;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

public sealed class TaskSuggestionsTests
{
    [Fact]
    public async Task The_newest_tasks_whose_number_or_id_begins_so_are_found()
    {
        await using var temp = new TempLedger();
        SqlLedger writer = await temp.OpenAsync();
        var all = new List<KlingVideoTask>();
        for (int i = 0; i < 130; i++)
        {
            KlingVideoTask task = await writer.Tasks.BeginAsync(TempLedger.Intent($"{i}", account: i % 3 == 0 ? "other" : TempLedger.Account), TestContext.Current.CancellationToken);
            all.Add(i % 10 == 9
                ? await writer.Tasks.LoseAsync(task.Id, "lost")
                : await writer.Tasks.AcceptAsync(task.Id, (i * 7919 % 256).ToString("x2", CultureInfo.InvariantCulture) + i.ToString(CultureInfo.InvariantCulture)));
        }

        all.Reverse();
        using TaskSuggestions suggestions = await SqliteLedger.OpenReadOnlyAsync(temp.Path);
        var starts = Gen.OneOf(Gen.Const(string.Empty), Gen.Int[0, 140].Select(number => number.ToString(CultureInfo.InvariantCulture)), Gen.OneOf([.. new[] { "a", "f3", "zz", "%", "_", "'" }.Select(Gen.Const)]));
        await Gen.Select(starts, Gen.OneOf(Gen.Const((string?)null), Gen.Const<string?>(TempLedger.Account), Gen.Const<string?>("other")), Gen.OneOf(Gen.Const((KlingTaskState?)null), Gen.Const((KlingTaskState?)KlingTaskState.Unknown)), Gen.Int[1, 60]).SampleAsync(
            async (start, account, state, limit) =>
            {
                IEnumerable<KlingVideoTask> own = all.Where(task => account is null || task.Account == account);
                bool isNumber = start.All(char.IsAsciiDigit);
                Assert.Equal(
                    own.Where(task => isNumber && (state is null || task.TaskState == state) && $"{task.Id}".StartsWith(start, StringComparison.Ordinal)).Take(limit),
                    await suggestions.ListByIdAsync(account, state, start, limit));
                Assert.Equal(
                    own.Where(task => task.TaskId is not null && task.TaskId.StartsWith(start, StringComparison.Ordinal)).Take(limit),
                    await suggestions.ListByTaskIdAsync(account, start, limit));
            },
            iter: 200,
            threads: 1);
    }

    [Fact]
    public async Task No_ledger_is_created_where_there_is_none()
    {
        await using var temp = new TempLedger();

        await Assert.ThrowsAsync<KlingException>(() => SqliteLedger.OpenReadOnlyAsync(temp.Path));

        Assert.Empty(Directory.EnumerateFileSystemEntries(temp.Folder));
    }

    [Fact]
    public async Task A_ledger_that_nobody_has_open_is_read_and_left_as_it_is()
    {
        await using var temp = new TempLedger();
        SqlLedger writer = await temp.OpenAsync();
        await writer.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);
        await writer.DisposeAsync();
        byte[] before = await File.ReadAllBytesAsync(temp.Path, TestContext.Current.CancellationToken);

        using (TaskSuggestions suggestions = await SqliteLedger.OpenReadOnlyAsync(temp.Path))
        {
            Assert.Equal(KlingTaskState.Submitting, Assert.Single(await suggestions.ListByIdAsync(null, null, string.Empty, 10)).TaskState);
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(temp.Path, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("01")]
    [InlineData("-1")]
    [InlineData("1x")]
    [InlineData("99999999999999999999")]
    public async Task What_no_number_begins_with_finds_nothing(string digits)
    {
        await using var temp = new TempLedger();
        SqlLedger writer = await temp.OpenAsync();
        await writer.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);
        using TaskSuggestions suggestions = await SqliteLedger.OpenReadOnlyAsync(temp.Path);

        Assert.Empty(await suggestions.ListByIdAsync(null, null, digits, 10));
    }
}
