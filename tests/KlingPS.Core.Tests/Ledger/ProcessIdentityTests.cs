using System.Diagnostics;
using System.Globalization;
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

    /// <summary>In a container whose first process reaps nobody, the dead keep their ids.</summary>
    [Fact]
    public async Task A_process_that_has_ended_is_dead_though_nobody_has_reaped_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux shows them here.");
        using var parent = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec 3<&0; head -c 1 <&3 >/dev/null & echo $!; exec sleep 600"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            int child = int.Parse((await Eventually.DoneAsync(parent.StandardOutput.ReadLineAsync()))!, CultureInfo.InvariantCulture);
            await Eventually.TrueAsync(() => File.ReadAllText($"/proc/{parent.Id}/comm").Trim() == "sleep");
            parent.StandardInput.Close();
            string[] fields = [];
            await Eventually.TrueAsync(() => (fields = File.ReadAllText($"/proc/{child}/stat").Split(' '))[2] == "Z");

            Assert.False((ProcessIdentity.Current with { ProcessId = child, Started = long.Parse(fields[21], CultureInfo.InvariantCulture) }).IsAlive());
        }
        finally
        {
            parent.Kill();
            await Eventually.DoneAsync(parent.WaitForExitAsync());
        }
    }

    [Fact]
    public void An_owner_can_be_written_and_read()
    {
        var owner = new ProcessIdentity(12, 345, string.Empty, "a:b");

        Assert.Equal(owner, ProcessIdentity.Parse(owner.ToString()));
    }
}
