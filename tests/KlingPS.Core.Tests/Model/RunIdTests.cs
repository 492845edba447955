using CsCheck;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class RunIdTests
{
    [Fact]
    public void A_run_is_named_by_a_UUID_of_version_7()
        => Assert.Matches("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", RunId.Create(DateTimeOffset.UnixEpoch));

    [Fact]
    public void A_run_that_begins_later_has_an_id_that_comes_later()
        => Gen.Select(Gen.Long[0, 4_000_000_000_000], Gen.Long[1, 1_000_000_000]).Sample((first, pause) =>
        {
            string one = RunId.Create(DateTimeOffset.FromUnixTimeMilliseconds(first));
            string other = RunId.Create(DateTimeOffset.FromUnixTimeMilliseconds(first + pause));

            Assert.True(string.CompareOrdinal(one, other) < 0);
        });

    [Fact]
    public void Two_runs_of_the_same_moment_have_two_ids()
        => Assert.NotEqual(RunId.Create(DateTimeOffset.UnixEpoch), RunId.Create(DateTimeOffset.UnixEpoch));
}
