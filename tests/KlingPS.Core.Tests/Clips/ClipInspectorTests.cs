using System.Buffers.Binary;
using System.Text;
using CsCheck;
using KlingPS.Core.Clips;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Imaging;
using KlingPS.Sandbox.State;

namespace KlingPS.Core.Tests.Clips;

public sealed class ClipInspectorTests
{
    private static ClipReport Inspect(byte[] content) => ClipInspector.Inspect(new MemoryStream(content), "/clips/fox");

    [Theory]
    [InlineData("isom", false, true, ClipFormat.Mp4)]
    [InlineData("mp42", true, false, ClipFormat.Mp4)]
    [InlineData("qt  ", false, true, ClipFormat.QuickTime)]
    public void A_video_says_how_long_large_and_fast_it_is(string brand, bool isLong, bool indexLast, object format)
    {
        ClipReport report = Inspect(ClipBytes.Movie(7.25m, 1920, 1080, 25, brand, isLong, indexLast));

        Assert.Equal(((ClipFormat)format, 7.25m, 1920, 1080), (report.Format, report.Seconds, report.Width, report.Height));
        Assert.Equal(25m, decimal.Round(report.FrameRate!.Value, 1));
        Assert.True(report.IsVideo);
    }

    [Theory]
    [InlineData("clip5.mp4", 5)]
    [InlineData("clip10.mp4", 10)]
    public void A_video_of_an_ordinary_program_is_read(string name, int seconds)
    {
        using Stream clip = typeof(ModelRules).Assembly.GetManifestResourceStream(name)!;

        ClipReport report = ClipInspector.Inspect(clip, name);

        Assert.Equal((ClipFormat.Mp4, (decimal)seconds, 320, 180, 24m), (report.Format, report.Seconds, report.Width, report.Height, report.FrameRate));
    }

    [Fact]
    public void Audio_in_WAV_says_how_long_it_is()
    {
        ClipReport report = Inspect(ClipBytes.Wave(3.5m));

        Assert.Equal((ClipFormat.Wave, 3.5m), (report.Format, report.Seconds));
        Assert.True(report.IsAudio);
    }

    [Fact]
    public void Of_audio_that_was_cut_off_only_what_is_there_counts()
        => Assert.Equal(2m, Inspect(ClipBytes.Wave(3.5m)[..^12_000]).Seconds);

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void The_frames_of_an_MP3_are_added_up_whatever_their_bit_rate(bool withInfo, bool withTag)
    {
        ClipReport report = Inspect(ClipBytes.Mp3(200, withInfo, withTag));

        Assert.Equal((ClipFormat.Mp3, decimal.Round(200 * 1152m / 44_100, 3)), (report.Format, report.Seconds));
    }

    [Fact]
    public void A_picture_a_text_and_nothing_at_all_are_no_clips()
    {
        Assert.All(
            [ImageBytes.Jpeg(640, 360), ImageBytes.Png(640, 360), ImageBytes.WebPLossy(), "no clip at all, but a text"u8.ToArray(), [], [0xFF, 0xFB]],
            content => Assert.Equal(ClipFormat.Unknown, Inspect(content).Format));
    }

    [Fact]
    public void A_video_whose_header_does_not_say_how_long_it_is_is_refused()
    {
        ClipReport report = Inspect(ClipBytes.Movie(0));

        Assert.Null(report.Seconds);
        Assert.Contains("does not say how long", Refuse("kling-2.6/motion-control", report), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("moov")]
    [InlineData("trak")]
    [InlineData("minf")]
    public void A_file_whose_boxes_are_in_one_another_without_end_ends_no_process(string type)
    {
        const int Depth = 90_000;
        List<byte> file = [0, 0, 0, 16, .. "ftypisom"u8, 0, 0, 0, 0];
        for (int left = Depth; left > 0; left--)
        {
            byte[] length = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(length, left * 8);
            file.AddRange([.. length, .. Encoding.ASCII.GetBytes(type)]);
        }

        Assert.Equal(ClipFormat.Unknown, Inspect([.. file]).Format);
    }

    [Fact]
    public void Whatever_a_file_holds_it_is_read_in_bounds()
    {
        byte[][] valid = [ClipBytes.Movie(5), ClipBytes.Movie(5, isLong: true), ClipBytes.Wave(1), ClipBytes.Mp3(20, withTag: true)];
        Gen<byte[]> damaged =
            from file in Gen.Int[0, valid.Length - 1].Select(index => valid[index])
            from length in Gen.Int[0, file.Length]
            from spots in Gen.Select(Gen.Int[0, Math.Max(length - 1, 0)], Gen.Byte).Array[0, 8]
            select Damage(file[..length], spots);

        damaged.Sample(content =>
        {
            ClipReport report = Inspect(content);
            Assert.False(report.Seconds < 0);
        });

        static byte[] Damage(byte[] content, (int At, byte Value)[] spots)
        {
            foreach ((int at, byte value) in spots.Where(spot => spot.At < content.Length))
            {
                content[at] = value;
            }

            return content;
        }
    }

    public static TheoryData<string, string, byte[]> Refused => new()
    {
        { "kling-2.6/motion-control", "It is 2.9 seconds long, and may be 3 to 30 seconds", ClipBytes.Movie(2.9m) },
        { "kling-3.0/motion-control", "It is 30.5 seconds long", ClipBytes.Movie(30.5m) },
        { "kling-3.0-omni/transformation", "It is 16 seconds long, and may be 3 to 15.5 seconds", ClipBytes.Movie(16) },
        { "kling-3.0-omni/transformation", "It is 640 × 360 pixels", ClipBytes.Movie(5, 640, 360) },
        { "kling-3.0-omni/reference-to-video", "It is 5120 × 2880 pixels", ClipBytes.Movie(5, 5120, 2880) },
        { "kling-3.0-omni/reference-to-video", "It has 15 frames in a second", ClipBytes.Movie(5, framesPerSecond: 15) },
        { "kling-3.0-omni/reference-to-video", "It is not a video in MP4 or MOV", ClipBytes.Wave(5) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_video_that_a_model_does_not_take_is_refused_with_what_to_do(string model, string problem, byte[] content)
        => Assert.StartsWith($"{model} does not take '/clips/fox'. {problem}", Refuse(model, Inspect(content)), StringComparison.Ordinal);

    [Fact]
    public void Audio_that_is_too_long_or_no_audio_is_refused()
    {
        ModelSpec model = ModelCatalog.Get("kling/ai-avatar-pro");
        model.ValidateAudio(Inspect(ClipBytes.Wave(300)));

        Assert.Contains("may be at most 300 seconds", Assert.Throws<KlingException>(() => model.ValidateAudio(Inspect(ClipBytes.Wave(300.5m)))).Message, StringComparison.Ordinal);
        Assert.Contains("not audio in MP3 or WAV", Assert.Throws<KlingException>(() => model.ValidateAudio(Inspect(ClipBytes.Movie(5)))).Message, StringComparison.Ordinal);
    }

    private static string Refuse(string model, ClipReport clip)
    {
        KlingException error = Assert.Throws<KlingException>(() => ModelCatalog.Get(model).ValidateVideo(clip));
        Assert.Equal(ErrorKind.ImageUnsupported, error.Kind);
        return error.Message;
    }
}
