using System.Diagnostics;
using KlingPS.Core.Ledger;

namespace KlingPS.Core.Tests.Ledger;

public sealed class LedgerOwnerTests
{
    [Fact]
    public void This_process_is_alive()
    {
        Assert.True(LedgerOwner.Current.IsAlive());
        Assert.True(LedgerOwner.Parse(LedgerOwner.Current.ToString()).IsAlive());
    }

    [Fact]
    public void A_process_with_the_id_of_another_is_not_that_other()
        => Assert.False((LedgerOwner.Current with { Started = LedgerOwner.Current.Started - 1 }).IsAlive());

    [Fact]
    public void No_process_outlives_the_system_it_runs_on()
        => Assert.False((LedgerOwner.Current with { Boot = "an earlier one" }).IsAlive());

    [Fact]
    public void Of_another_machine_nothing_can_be_said()
        => Assert.Null((LedgerOwner.Current with { Machine = "elsewhere" }).IsAlive());

    [Fact]
    public void A_process_that_has_ended_is_dead()
    {
        using var process = Process.Start(new ProcessStartInfo(ChildProcess.Host, "--version") { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.False((LedgerOwner.Current with { ProcessId = process.Id }).IsAlive());
    }

    [Fact]
    public void An_owner_can_be_written_and_read()
    {
        var owner = new LedgerOwner(12, 345, string.Empty, "a:b");

        Assert.Equal(owner, LedgerOwner.Parse(owner.ToString()));
    }
}
