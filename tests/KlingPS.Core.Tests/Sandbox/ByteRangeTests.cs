using CsCheck;
using KlingPS.Sandbox.Downloads;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class ByteRangeTests
{
    [Theory]
    [InlineData(null, 200, 0, 100)]
    [InlineData("bytes=0-", 206, 0, 100)]
    [InlineData("bytes=0-0", 206, 0, 1)]
    [InlineData("bytes=99-", 206, 99, 1)]
    [InlineData("bytes=10-19", 206, 10, 10)]
    [InlineData("bytes=90-500", 206, 90, 10)]
    [InlineData("bytes=-10", 206, 90, 10)]
    [InlineData("bytes=-500", 206, 0, 100)]
    [InlineData("bytes=100-", 416, 0, 0)]
    [InlineData("bytes=-0", 416, 0, 0)]
    [InlineData("bytes=-", 200, 0, 100)]
    [InlineData("bytes=20-10", 200, 0, 100)]
    [InlineData("bytes=0-1,5-6", 200, 0, 100)]
    [InlineData("bytes=a-b", 200, 0, 100)]
    [InlineData("lines=0-1", 200, 0, 100)]
    public void A_range_header_is_read_as_http_says(string? header, int status, long offset, long count) =>
        Assert.Equal(new ByteRange(status, offset, count), ByteRange.Parse(header, 100));

    [Fact]
    public void No_range_ever_leaves_the_file() =>
        Gen.Select(Gen.Long[0, 1000], Gen.Long[0, 1000], Gen.Long[0, long.MaxValue]).Sample((length, first, last) =>
        {
            foreach (string header in (string[])[$"bytes={first}-{last}", $"bytes={first}-", $"bytes=-{last}", $"bytes={last}-{first}"])
            {
                ByteRange range = ByteRange.Parse(header, length);
                Assert.InRange(range.Offset, 0, length);
                Assert.InRange(range.Count, 0, length - range.Offset);
                Assert.True(range.Status != 206 || range.Count > 0);
            }
        });
}
