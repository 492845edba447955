using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>Copy-KlingLedger: what it says and refuses; what it copies is the matter of the engine's tests.</summary>
public sealed class CopyKlingLedgerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("klingps-copy-").FullName;

    private string Source => Path.Combine(_folder, "ledger.db");

    private string Copied => Path.Combine(_folder, "copy.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<ShellResult> CopyAsync(string from, string to, string more = "")
    {
        using var shell = new HostedShell();
        return await shell.RunAsync($"Copy-KlingLedger $from $to {more}", new { from, to });
    }

    /// <summary>A ledger with one task.</summary>
    private async Task BeginLedgerAsync()
    {
        await using SqlLedger ledger = SqliteLedger.Create(Source, TimeProvider.System);
        await ledger.Tasks.RecordSnapshotAsync("0123456789abcdef", new TaskSnapshot { TaskId = "t1", State = KlingTaskState.Generating });
    }

    [Fact]
    public async Task A_ledger_is_copied_without_a_key_and_what_was_copied_is_told()
    {
        await BeginLedgerAsync();

        KlingLedgerCopy copy = Assert.Single((await CopyAsync(Source, Copied)).Clean().Of<KlingLedgerCopy>());

        Assert.Equal((Source, Copied, 1L), (copy.Path, copy.Destination, copy.Tasks));
        Assert.True(File.Exists(Copied));
    }

    [Fact]
    public async Task WhatIf_copies_nothing()
    {
        await BeginLedgerAsync();

        (await CopyAsync(Source, Copied, "-WhatIf")).Clean();

        Assert.False(File.Exists(Copied));
    }

    [Fact]
    public async Task A_second_copy_does_not_go_over_the_first()
    {
        await BeginLedgerAsync();
        (await CopyAsync(Source, Copied)).Clean();

        Assert.Equal("KlingRequestInvalid", (await CopyAsync(Source, Copied)).Terminating!.FullyQualifiedErrorId.Split(',')[0]);
    }

    [Theory]
    [InlineData("postgresql://kling:hunter2@/videos")]
    [InlineData("mysql://kling:hunter2@db.example/videos")]
    public async Task An_address_that_cannot_be_read_is_refused_and_its_password_is_not_repeated(string address)
    {
        await BeginLedgerAsync();

        ShellResult result = await CopyAsync(Source, address);

        Assert.Equal("KlingRequestInvalid", result.Terminating!.FullyQualifiedErrorId.Split(',')[0]);
        Assert.DoesNotContain("hunter2", result.Terminating!.ToString(), StringComparison.Ordinal);
    }
}
