using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Core.Tests.Ledger;

public sealed class ProcessOwnersTests
{
    private static readonly ProcessIdentity s_here = new(1, 1, "boot", "here", string.Empty);
    private static readonly ProcessIdentity s_other = new(2, 1, "boot", "there", string.Empty);

    [Fact]
    public async Task This_process_is_alive_whatever_the_system_says_of_it()
        => Assert.Equal(OwnerState.Alive, await FindAsync(s_here.ToString(), isAlive: false));

    [Theory]
    [InlineData(true, "Alive")]
    [InlineData(false, "Gone")]
    [InlineData(null, "Unseen")]
    public async Task Another_process_is_what_the_system_says_of_it(bool? isAlive, string expected)
        => Assert.Equal(expected, (await FindAsync(s_other.ToString(), isAlive)).ToString());

    [Fact]
    public async Task Of_a_process_that_no_version_has_written_nothing_is_known()
        => Assert.Equal(OwnerState.Unseen, await FindAsync("nobody", isAlive: true));

    [Fact]
    public void A_process_is_named_by_its_number_and_machine_where_those_are_known()
    {
        var owners = new ProcessOwners(s_here, _ => null);

        Assert.Equal("process 2 on there", owners.Describe(s_other.ToString()));
        Assert.Equal("another process", owners.Describe("nobody"));
    }

    /// <summary>It asks no ledger.</summary>
    private static async Task<OwnerState> FindAsync(string owner, bool? isAlive) => await new ProcessOwners(s_here, _ => isAlive).FindStateAsync(null!, owner);
}
