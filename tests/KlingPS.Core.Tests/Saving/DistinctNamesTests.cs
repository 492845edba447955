using System.Collections.Concurrent;
using System.Text;
using CsCheck;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Tests.Saving;

public sealed class DistinctNamesTests
{
    [Fact]
    public void A_name_that_is_taken_gets_a_number_before_its_extension()
    {
        var names = new DistinctNames();

        string[] claimed = [.. new[] { "photo.mp4", "PHOTO.mp4", "photo.mp4", "photo-2.mp4", "a.b/photo.mp4", "a.b/photo.mp4", "take 2.5", "take 2.5" }.Select(names.Claim)];

        Assert.Equal(
            ["photo.mp4", "PHOTO-2.mp4", "photo-3.mp4", "photo-2-2.mp4", "a.b/photo.mp4", "a.b/photo-2.mp4", "take 2.5", "take 2.5-2"],
            claimed);
    }

    [Fact]
    public void A_name_that_is_known_to_be_somebody_s_is_handed_out_to_no_other_and_takes_no_number()
    {
        var names = new DistinctNames();
        names.Reserve("photo-2.mp4");

        string[] claimed = [names.Claim("photo.mp4"), names.Claim("photo.mp4")];
        names.Reserve("photo.mp4");

        Assert.Equal(["photo.mp4", "photo-3.mp4", "photo-4.mp4"], [.. claimed, names.Claim("photo.mp4")]);
    }

    [Fact]
    public void A_numbered_name_stays_short_enough()
    {
        var names = new DistinctNames();
        string name = new string('é', 121) + ".mp4";

        names.Claim(name);
        string second = names.Claim(name);

        Assert.EndsWith("é-2.mp4", second, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(second), 240, SafeName.MaximumFileBytes);
    }

    [Fact]
    public void Names_are_distinct_whatever_is_claimed_from_many_threads() =>
        Gen.String[Gen.Char["aA-2"], 1, 3].Select(stem => stem + ".mp4").Array[1, 200].Sample(
            claims =>
            {
                var names = new DistinctNames();
                var claimed = new ConcurrentBag<string>();

                Parallel.ForEach(claims, name => claimed.Add(names.Claim(name)));

                Assert.Equal(claims.Length, claimed.Distinct(StringComparer.OrdinalIgnoreCase).Count());
            },
            threads: 1);
}
