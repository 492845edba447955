using System.Buffers.Binary;
using System.Text;
using KlingPS.Sandbox;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class VideoTests
{
    [Theory]
    [InlineData(5)]
    [InlineData(10)]
    public void A_clip_is_a_small_mp4_of_its_duration_that_can_start_before_it_is_all_there(int seconds)
    {
        byte[] clip = KlingPS.Sandbox.Downloads.Clips.Get(seconds);

        List<(string Type, int Start, int Length)> boxes = Boxes(clip);
        Assert.Equal(["ftyp", "moov", "free", "mdat"], boxes.Select(box => box.Type));
        Assert.True(clip.Length <= 40 * 1024);

        int header = clip.AsSpan().IndexOf("mvhd"u8) + 4;
        uint timescale = BinaryPrimitives.ReadUInt32BigEndian(clip.AsSpan(header + 12));
        uint duration = BinaryPrimitives.ReadUInt32BigEndian(clip.AsSpan(header + 16));
        Assert.Equal((uint)seconds, duration / timescale);
        Assert.True(clip.AsSpan().IndexOf("avc1"u8) > 0);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("10")]
    public async Task A_video_is_the_clip_and_a_box_with_the_task_id_and_stays_the_same(string duration)
    {
        await using SandboxHarness sandbox = new();
        Uri link = await sandbox.MakeVideoAsync(duration);
        string id = sandbox.Server.GetBill().Tasks[0].TaskId;
        byte[] clip = KlingPS.Sandbox.Downloads.Clips.Get(int.Parse(duration, System.Globalization.CultureInfo.InvariantCulture));

        byte[] video = await sandbox.Cdn.GetByteArrayAsync(link);

        Assert.Equal(clip, video[..clip.Length]);
        (string type, int start, int length) = Boxes(video)[^1];
        Assert.Equal("uuid", type);
        Assert.Equal(id, Encoding.ASCII.GetString(video, start + 24, length - 24));
        Assert.Equal(video, await sandbox.Cdn.GetByteArrayAsync(link));
    }

    [Fact]
    public async Task A_video_is_padded_to_the_size_asked_for_without_being_held_in_memory()
    {
        const int Size = 50_000_000;
        await using SandboxHarness sandbox = new(clock => new SandboxOptions { TimeProvider = clock, VideoSize = Size });
        Uri link = await sandbox.MakeVideoAsync();

        byte[] video = await sandbox.Cdn.GetByteArrayAsync(link);

        Assert.Equal(Size, video.Length);
        List<(string Type, int Start, int Length)> boxes = Boxes(video);
        Assert.Equal(["uuid", "free"], boxes.TakeLast(2).Select(box => box.Type));
        Assert.Equal(Size, boxes[^1].Start + boxes[^1].Length);

        // A part that ends with zeros is taken for one that a loss of power has damaged, and is not continued behind them.
        Assert.Equal(-1, video.AsSpan(boxes[^1].Start + 8).IndexOf((byte)0));
        Assert.Equal(Size, sandbox.Server.GetBill().DownloadedBytes);
    }

    [Fact]
    public async Task Several_gigabytes_are_promised_and_any_part_can_be_had()
    {
        const long Size = 6_000_000_000;
        await using SandboxHarness sandbox = new(clock => new SandboxOptions { TimeProvider = clock, VideoSize = Size });
        Uri link = await sandbox.MakeVideoAsync();
        int clip = KlingPS.Sandbox.Downloads.Clips.Get(5).Length + 56;
        using HttpRequestMessage request = new(HttpMethod.Get, link);
        request.Headers.TryAddWithoutValidation("Range", $"bytes={clip}-{clip + 15}");

        using HttpResponseMessage response = await sandbox.Cdn.SendAsync(request);
        byte[] header = await response.Content.ReadAsByteArrayAsync();

        Assert.Equal(Size, response.Content.Headers.ContentRange?.Length);
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32BigEndian(header));
        Assert.Equal("free"u8.ToArray(), header[4..8]);
        Assert.Equal(Size - clip, BinaryPrimitives.ReadInt64BigEndian(header.AsSpan(8)));
    }

    private static List<(string Type, int Start, int Length)> Boxes(byte[] file)
    {
        List<(string Type, int Start, int Length)> boxes = [];
        for (int at = 0; at < file.Length; at += boxes[^1].Length)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            Assert.InRange(length, 8, file.Length - at);
            boxes.Add((Encoding.ASCII.GetString(file, at + 4, 4), at, length));
        }

        return boxes;
    }
}
