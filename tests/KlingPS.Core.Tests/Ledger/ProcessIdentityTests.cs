using System.Diagnostics;
using KlingPS.Core.Ledger.Processes;

namespace KlingPS.Core.Tests.Ledger;

public sealed class ProcessIdentityTests
{
    [Fact]
    public void This_process_is_alive()
    {
        Assert.True(ProcessIdentity.Current.IsAlive());
        Assert.True(ProcessIdentity.Parse(ProcessIdentity.Current.ToString()).IsAlive());
    }

    [Fact]
    public void A_process_with_the_id_of_another_is_not_that_other()
        => Assert.False((ProcessIdentity.Current with { Started = ProcessIdentity.Current.Started - 1 }).IsAlive());

    [Fact]
    public void No_process_outlives_the_system_it_runs_on()
        => Assert.False((ProcessIdentity.Current with { Boot = "an earlier one" }).IsAlive());

    [Fact]
    public void Of_another_machine_nothing_can_be_said()
        => Assert.Null((ProcessIdentity.Current with { Machine = "elsewhere" }).IsAlive());

    [Fact]
    public void A_process_that_has_ended_is_dead()
    {
        using var process = Process.Start(new ProcessStartInfo(ChildProcess.Host, "--version") { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.False((ProcessIdentity.Current with { ProcessId = process.Id }).IsAlive());
    }

    [Fact]
    public void An_owner_can_be_written_and_read()
    {
        var owner = new ProcessIdentity(12, 345, string.Empty, "a:b");

        Assert.Equal(owner, ProcessIdentity.Parse(owner.ToString()));
    }
}
