using System.Data.Common;
using System.Globalization;
using CsCheck;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger;

public sealed class LedgerPeekTests
{
    [Fact]
    public async Task It_finds_the_newest_tasks_whose_number_or_id_begins_so()
    {
        await using var ledger = new TempLedger();
        await using SqlLedger writer = await ledger.OpenAsync();
        var all = new List<KlingVideoTask>();
        for (int i = 0; i < 130; i++)
        {
            KlingVideoTask task = await writer.Tasks.BeginAsync(TempLedger.Intent($"{i}", account: i % 3 == 0 ? "other" : TempLedger.Account), TestContext.Current.CancellationToken);
            all.Add(i % 10 == 9
                ? await writer.Tasks.RecordUnknownAsync(task.Id, "lost")
                : await writer.Tasks.RecordAcceptedAsync(task.Id, (i * 7919 % 256).ToString("x2", CultureInfo.InvariantCulture) + i.ToString(CultureInfo.InvariantCulture)));
        }

        all.Reverse();
        var starts = Gen.OneOf(Gen.Const(string.Empty), Gen.Int[0, 140].Select(number => number.ToString(CultureInfo.InvariantCulture)), Gen.OneOf([.. new[] { "a", "f3", "zz", "%", "_", "'" }.Select(Gen.Const)]));
        Gen.Select(starts, Gen.OneOf(Gen.Const((string?)null), Gen.Const<string?>(TempLedger.Account), Gen.Const<string?>("other")), Gen.OneOf(Gen.Const((KlingTaskState?)null), Gen.Const((KlingTaskState?)KlingTaskState.Unknown)), Gen.Int[1, 60]).Sample(
            (start, account, state, limit) =>
            {
                IEnumerable<KlingVideoTask> own = all.Where(task => account is null || task.Account == account);
                bool isNumber = start.All(char.IsAsciiDigit);
                Assert.Equal(
                    own.Where(task => isNumber && (state is null || task.State == state) && $"{task.Id}".StartsWith(start, StringComparison.Ordinal)).Take(limit),
                    LedgerPeek.ListById(ledger.Path, account, state, start, limit));
                Assert.Equal(
                    own.Where(task => task.TaskId is not null && task.TaskId.StartsWith(start, StringComparison.Ordinal)).Take(limit),
                    LedgerPeek.ListByTaskId(ledger.Path, account, start, limit));
            },
            iter: 200);
    }

    [Fact]
    public async Task It_makes_no_ledger_where_there_is_none()
    {
        await using var ledger = new TempLedger();

        Assert.ThrowsAny<DbException>(() => LedgerPeek.ListById(ledger.Path, null, null, string.Empty, 10));

        Assert.Empty(Directory.EnumerateFileSystemEntries(ledger.Folder));
    }

    [Fact]
    public async Task It_reads_a_ledger_that_nobody_has_open_and_leaves_it_as_it_is()
    {
        await using var ledger = new TempLedger();
        await using (SqlLedger writer = await ledger.OpenAsync())
        {
            await writer.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);
        }

        byte[] before = await File.ReadAllBytesAsync(ledger.Path, TestContext.Current.CancellationToken);

        Assert.Equal(KlingTaskState.Submitting, Assert.Single(LedgerPeek.ListById(ledger.Path, null, null, string.Empty, 10)).State);

        Assert.Equal(before, await File.ReadAllBytesAsync(ledger.Path, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("01")]
    [InlineData("-1")]
    [InlineData("1x")]
    [InlineData("99999999999999999999")]
    public async Task What_begins_no_number_finds_nothing(string digits)
    {
        await using var ledger = new TempLedger();
        await using SqlLedger writer = await ledger.OpenAsync();
        await writer.Tasks.BeginAsync(TempLedger.Intent(), TestContext.Current.CancellationToken);

        Assert.Empty(LedgerPeek.ListById(ledger.Path, null, null, digits, 10));
    }
}
