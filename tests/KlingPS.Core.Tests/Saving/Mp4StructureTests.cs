using CsCheck;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Tests.Saving;

public class Mp4StructureTests
{
    private static readonly byte[] s_type = TestMp4.Box("ftyp", "isommp42"u8);
    private static readonly byte[] s_index = TestMp4.Box("moov", new byte[20]);
    private static readonly byte[] s_media = TestMp4.Box("mdat", new byte[50]);

    private static string? Check(params byte[][] parts) => Mp4Structure.FindProblem(new MemoryStream([.. parts.SelectMany(p => p)]));

    [Fact]
    public void A_whole_file_has_no_problem_in_either_order_and_with_other_boxes()
    {
        Assert.Null(Check(s_type, s_index, s_media));
        Assert.Null(Check(s_type, s_media, s_index));
        Assert.Null(Check(TestMp4.Box("free", new byte[4]), s_type, s_media, TestMp4.Box("free", []), s_index, TestMp4.Box("uuid", new byte[16])));
    }

    [Fact]
    public void Sizes_of_64_bits_and_an_open_last_size_are_understood()
    {
        Assert.Null(Check(s_type, s_index, TestMp4.LongBox("mdat", new byte[50])));
        Assert.Null(Check(s_type, s_index, [0, 0, 0, 0, .. "mdat"u8, 1, 2, 3]));
    }

    [Fact]
    public void A_file_cut_anywhere_has_a_problem() =>
        Gen.Int[0, s_type.Length + s_index.Length + s_media.Length - 1].Sample(length =>
            Assert.NotNull(Check([.. ((byte[])[.. s_type, .. s_index, .. s_media]).Take(length)])));

    [Fact]
    public void A_file_with_something_after_its_end_has_a_problem() =>
        Assert.NotNull(Check(s_type, s_index, s_media, [1, 2, 3]));

    [Theory]
    [InlineData("<!DOCTYPE html><html><body>502 Bad Gateway</body></html>")]
    [InlineData("{\"code\":404,\"msg\":\"gone\"}")]
    [InlineData("")]
    public void A_page_in_place_of_a_video_is_recognised(string page) =>
        Assert.Equal("is not an MP4 video", Check(System.Text.Encoding.UTF8.GetBytes(page)));

    [Fact]
    public void Missing_parts_are_named()
    {
        Assert.Contains("moov", Check(s_type, s_media));
        Assert.Contains("mdat", Check(s_type, s_index));
        Assert.NotNull(Check(s_index, s_media));
        Assert.NotNull(Check(s_index, s_media, s_type));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(1_000_000)]
    public void A_size_that_cannot_be_is_a_problem(long size) =>
        Assert.NotNull(Check(s_type, s_index, TestMp4.LongBox("mdat", new byte[50], size)));

    [Fact]
    public void A_file_of_a_million_tiny_boxes_is_not_walked_to_its_end()
    {
        var stream = new MemoryStream([.. s_type, .. s_index, .. s_media, .. Enumerable.Repeat(TestMp4.Box("free", []), 20_000).SelectMany(b => b)]);
        Assert.Contains("too many", Mp4Structure.FindProblem(stream));
        Assert.True(stream.Position < stream.Length / 2 + 1_000);
    }

    [Fact]
    public void A_large_file_is_checked_without_being_read()
    {
        using var stream = new CountingStream([.. TestMp4.Create(1_000_000), .. TestMp4.LongBox("free", new byte[1_000_000])]);
        Assert.Null(Mp4Structure.FindProblem(stream));
        Assert.InRange(stream.BytesRead, 1, 100);
    }

    private sealed class CountingStream(byte[] content) : MemoryStream(content)
    {
        public long BytesRead { get; private set; }

        /// <summary>In a class derived from MemoryStream, the other ways to read end here.</summary>
        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = base.Read(buffer, offset, count);
            BytesRead += read;
            return read;
        }
    }

    [Fact]
    public void No_bytes_whatever_make_it_throw() =>
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Int[0, 7]).Sample((bytes, position) =>
        {
            byte[] file = [.. s_type, .. s_index, .. s_media];
            bytes.Take(file.Length - (position * 8)).ToArray().CopyTo(file, position * 8);
            _ = Check(file);
            _ = Check(bytes);
        });
}
