using KlingPS.Core.Ledger.Processes;

namespace KlingPS.Core.Tests.Ledger;

public sealed class MachineNameTests
{
    [Fact]
    public void The_same_machine_has_the_same_name_every_time()
        => Assert.Equal(MachineName.Create("render-3", "0123456789abcdef0123456789abcdef"), MachineName.Create("render-3", "0123456789abcdef0123456789abcdef"));

    [Theory]
    [InlineData("render-3", "fedcba9876543210fedcba9876543210")]
    [InlineData("render-4", "0123456789abcdef0123456789abcdef")]
    [InlineData("render-3", null)]
    public void Neither_a_copied_machine_nor_one_of_the_same_host_name_is_taken_for_another(string host, string? id)
        => Assert.NotEqual(MachineName.Create("render-3", "0123456789abcdef0123456789abcdef"), MachineName.Create(host, id));

    [Fact]
    public void A_container_is_called_as_its_user_calls_it()
        => Assert.Equal("render-3", MachineName.Create("render-3", id: null));

    [Fact]
    public void The_name_does_not_give_the_id_of_the_machine_away()
        => Assert.DoesNotContain("01234567", MachineName.Create("render-3", "0123456789abcdef0123456789abcdef"), StringComparison.Ordinal);

    [Theory]
    [InlineData("", false, false, null)]
    [InlineData("", false, true, false)]
    [InlineData("boot", false, false, false)]
    [InlineData("", true, false, true)]
    [InlineData("", null, true, null)]
    public void A_process_that_is_missing_here_may_be_running_on_another_machine_of_the_same_name(string boot, bool? isSeen, bool hasId, bool? expected)
        => Assert.Equal(expected, MachineName.Confirm(new ProcessIdentity(4711, 1, boot, "mac"), isSeen, hasId));

    [Fact]
    public void This_machine_has_a_name()
        => Assert.StartsWith(Environment.MachineName, MachineName.Current, StringComparison.Ordinal);
}
