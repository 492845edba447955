using System.Diagnostics;
using System.Globalization;
using CsCheck;
using KlingPS.Core.Ledger.Processes;

namespace KlingPS.Core.Tests.Ledger;

public sealed class ProcessIdentityTests
{
    [Fact]
    public void This_process_is_alive()
    {
        Assert.True(ProcessIdentity.Current.IsAlive());
        Assert.True(ProcessIdentity.Parse(ProcessIdentity.Current.ToString())?.IsAlive());
    }

    [Fact]
    public void What_was_written_is_read()
        => Gen.Select(
            Gen.Int.Positive,
            Gen.Long[0, long.MaxValue],
            Gen.OneOf(Gen.Const(""), Gen.Const("09422dfa-6675-4a1c-a228-cd0e99312698")),
            Gen.OneOf(Gen.Const("host"), Gen.Const("a:b"), Gen.Const("Büro-PC")),
            Gen.OneOf(Gen.Const(""), Gen.Const("4026531836")))
            .Select((id, started, boot, machine, space) => new ProcessIdentity(id, started, boot, machine, space))
            .Sample(identity => Assert.Equal(identity, ProcessIdentity.Parse(identity.ToString())));

    [Theory]
    [InlineData("")]
    [InlineData("4711")]
    [InlineData("x:1:boot:machine")]
    [InlineData("1:x:boot:machine")]
    [InlineData("99999999999999:1:boot:machine")]
    public void What_no_version_has_written_is_nobody(string text) => Assert.Null(ProcessIdentity.Parse(text));

    /// <summary>What is not its own machine, an earlier version leaves alone.</summary>
    [Fact]
    public void An_earlier_version_takes_no_process_of_a_container_for_one_of_its_machine()
    {
        string[] parts = (ProcessIdentity.Current with { Namespace = "4026531836" }).ToString().Split(':', 4);

        Assert.NotEqual(ProcessIdentity.Current.Machine, parts[3]);
    }

    [Fact]
    public void A_process_with_the_id_of_another_is_not_that_other()
        => Assert.False((ProcessIdentity.Current with { Started = ProcessIdentity.Current.Started - 1 }).IsAlive());

    [Fact]
    public void Of_another_start_of_a_machine_of_this_name_nothing_can_be_said()
        => Assert.Null((ProcessIdentity.Current with { Boot = "another" }).IsAlive());

    [Fact]
    public void Of_another_container_nothing_can_be_said_whatever_has_its_process_id_here()
    {
        Assert.Null((ProcessIdentity.Current with { Namespace = "1" }).IsAlive());
        Assert.Null((ProcessIdentity.Current with { Namespace = "1", Started = 1 }).IsAlive());
        Assert.Null((ProcessIdentity.Current with { Namespace = "1", ProcessId = int.MaxValue }).IsAlive());
    }

    [Fact]
    public void An_owner_recorded_by_an_earlier_version_is_alive_where_it_can_be_seen_and_unknown_otherwise()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has process ids that count in a container.");
        ProcessIdentity earlier = ProcessIdentity.Current with { Namespace = string.Empty };

        Assert.True(earlier.IsAlive());
        Assert.Null((earlier with { Started = earlier.Started - 1 }).IsAlive());
        Assert.Null((earlier with { ProcessId = int.MaxValue }).IsAlive());
    }

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
