using System.Text;
using CsCheck;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Imaging;

public sealed class ImageInspectorTests
{
    public static TheoryData<string, ImageFormat, byte[]> Supported => new()
    {
        { "baseline.jpg", ImageFormat.Jpeg, ImageBytes.Jpeg() },
        { "progressive.jpeg", ImageFormat.Jpeg, ImageBytes.Jpeg(frame: 0xC2) },
        { "exif.JPG", ImageFormat.Jpeg, ImageBytes.Jpeg(exif: ImageBytes.Exif(1, little: true)) },
        { "image.png", ImageFormat.Png, ImageBytes.Png() },
        { "lossy.webp", ImageFormat.WebP, ImageBytes.WebPLossy() },
        { "lossless.webp", ImageFormat.WebP, ImageBytes.WebPLossless() },
        { "extended.webp", ImageFormat.WebP, ImageBytes.WebPExtended() },
    };

    public static TheoryData<string, byte[]> Foreign => new()
    {
        { "empty", [] },
        { "HEIC photo", ImageBytes.Box("heic", "mif1", "heic") },
        { "HEIC photo", ImageBytes.Box("mif1", "heic") },
        { "HEIF photo", ImageBytes.Box("mif1", "miaf") },
        { "AVIF image", ImageBytes.Box("avif", "mif1", "miaf") },
        { "AVIF image", ImageBytes.Box("mif1", "avif") },
        { "camera's raw file", ImageBytes.Box("crx ", "isom") },
        { "MP4 video", ImageBytes.Box("isom", "iso2", "mp41") },
        { "QuickTime video", ImageBytes.Box("qt  ") },
        { "QuickTime video", [0, 0, 0, 8, .. "wide"u8, 0, 0, 1, 0, .. "mdat"u8] },
        { "a video", [0x1A, 0x45, 0xDF, 0xA3, 1, 2, 3] },
        { "a video", [.. "RIFF"u8, 9, 0, 0, 0, .. "AVI LIST"u8] },
        { "GIF image", [.. "GIF89a"u8, 1, 0, 1, 0] },
        { "TIFF image", [.. "II*\0"u8, 8, 0, 0, 0] },
        { "TIFF image", [.. "MM\0*"u8, 0, 0, 0, 8] },
        { "BMP image", [.. "BM"u8, 70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0] },
        { "PDF document", [.. "%PDF-1.7\n"u8] },
        { "Photoshop document", [.. "8BPS"u8, 0, 1] },
        { "JPEG XL", [0xFF, 0x0A, 0xFA] },
        { "JPEG XL", [0, 0, 0, 12, .. "JXL \r\n"u8, 0x87, 0x0A] },
        { "JPEG 2000", [0, 0, 0, 12, .. "jP  \r\n"u8, 0x87, 0x0A] },
        { "JPEG 2000", [0xFF, 0x4F, 0xFF, 0x51, 0] },
        { "icon", [0, 0, 1, 0, 1, 0, 16, 16] },
        { "ZIP archive", [.. "PK"u8, 3, 4, 20, 0] },
        { "SVG drawing", [.. "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"u8] },
        { "web page", [.. "<!DOCTYPE html><title>404</title>"u8] },
        { "web page", [.. "\u00EF\u00BB\u00BF<HTML><svg/>"u8] },
        { "text file", [.. "BMW makes cars, schöne Autos"u8] },
        { "text file", [.. "cut inside a character: "u8, 0xE2, 0x82] },
        { "text file", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("hello")] },
        { "not in a known image format", new byte[64] },
    };

    public static TheoryData<string, byte[]> Damaged => new()
    {
        { "JPEG without a frame", [0xFF, 0xD8, .. ImageBytes.Segment(0xDA, [0]), 0xFF, 0xD9] },
        { "JPEG with two beginnings", [0xFF, 0xD8, 0xFF, 0xD8, 0xFF, 0xD9] },
        { "JPEG of no height", ImageBytes.Jpeg(height: 0) },
        { "JPEG of padding", [0xFF, 0xD8, .. Enumerable.Repeat((byte)0xFF, 100_000)] },
        { "JPEG with a segment shorter than its length", [0xFF, 0xD8, 0xFF, 0xE0, 0, 1, 0, 0] },
        { "PNG of no width", ImageBytes.Png(width: 0) },
        { "PNG too wide to be one", ImageBytes.Png(width: 0x8000_0000) },
        { "WebP of no height", ImageBytes.WebPLossy(height: 0) },
        { "WebP with an unknown first chunk", Replace(ImageBytes.WebPLossy(), "VP8 ", "VP9 ") },
    };

    private static ImageReport Inspect(byte[] bytes, string path = "image") => ImageInspector.Inspect(new MemoryStream(bytes), path);

    private static byte[] Replace(byte[] bytes, string old, string by) =>
        Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(bytes).Replace(old, by, StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Supported))]
    public void An_image_the_service_takes_has_its_format_and_size_and_nothing_to_say(string path, ImageFormat format, byte[] bytes)
    {
        ImageReport report = Inspect(bytes, path);

        Assert.Empty(report.Problems);
        Assert.Empty(report.Warnings);
        Assert.True(report.IsSupported);
        Assert.Equal((format, 640, 360, bytes.Length), (report.ImageFormat, report.Width, report.Height, report.Length));
        Assert.Equal($"image/{format.ToString().ToLowerInvariant()}", report.MimeType);
        Assert.Same(report, report.EnsureSupported());
    }

    [Theory]
    [MemberData(nameof(Foreign))]
    public void Another_format_is_named_in_the_refusal(string name, byte[] bytes)
    {
        ImageReport report = Inspect(bytes, "photo.jpg");

        Assert.Contains(name, Assert.Single(report.Problems), StringComparison.Ordinal);
        Assert.Equal((ImageFormat.Unknown, null, null), (report.ImageFormat, report.MimeType, report.Width));
    }

    [Theory]
    [MemberData(nameof(Damaged))]
    public void A_damaged_header_is_refused(string what, byte[] bytes)
    {
        ImageReport report = Inspect(bytes, what);

        Assert.Contains("damaged header", Assert.Single(report.Problems), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Supported))]
    public void An_image_cut_off_anywhere_is_refused(string path, ImageFormat format, byte[] bytes)
    {
        for (int length = 0; length < bytes.Length; length++)
        {
            ImageReport report = Inspect(bytes[..length], path);

            Assert.False(report.IsSupported, $"{format} accepted with {length} of {bytes.Length} bytes.");
            Assert.Equal(length, report.Length);
        }

        Assert.Contains("end is missing", Assert.Single(Inspect(bytes[..^1], path).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_the_bytes_are_there_is_a_report()
    {
        byte[][] starts = [.. Supported.Select(row => row.Data.Item3), .. Foreign.Select(row => row.Data.Item2), []];
        (from start in Gen.OneOf([.. starts.Select(bytes => Gen.Const(bytes))])
         from keep in Gen.Int[0, start.Length]
         from noise in Gen.Byte.Array[0, 200]
         from changes in Gen.Select(Gen.Int[0, 400], Gen.Byte).Array[0, 6]
         select Change([.. start[..keep], .. noise], changes))
            .Sample(bytes =>
            {
                ImageReport report = Inspect(bytes);
                Assert.Equal(report.IsSupported, report.Problems.Length == 0);
                Assert.True(!report.IsSupported || report is { Width: > 0, Height: > 0, MimeType: not null });
                Assert.True(report.ImageFormat != ImageFormat.Unknown || !report.IsSupported);
            });

        static byte[] Change(byte[] bytes, (int At, byte Value)[] changes)
        {
            foreach ((int at, byte value) in changes.Where(change => change.At < bytes.Length))
            {
                bytes[at] = value;
            }

            return bytes;
        }
    }

    [Theory]
    [InlineData(1, 640, 360)]
    [InlineData(4, 640, 360)]
    [InlineData(5, 360, 640)]
    [InlineData(6, 360, 640)]
    [InlineData(8, 360, 640)]
    [InlineData(9, 640, 360)]
    public void A_quarter_turn_in_the_orientation_swaps_width_and_height_in_both_byte_orders(ushort orientation, int width, int height)
    {
        foreach (bool little in new[] { true, false })
        {
            ImageReport report = Inspect(ImageBytes.Jpeg(exif: ImageBytes.Exif(orientation, little)));

            Assert.True(report.IsSupported);
            Assert.Equal((width, height), (report.Width, report.Height));
        }
    }

    [Fact]
    public void Damaged_exif_does_not_matter()
    {
        byte[] exif = ImageBytes.Exif(6, little: true);
        (from keep in Gen.Int[0, exif.Length]
         from noise in Gen.Byte.Array[0, 40]
         select ImageBytes.Jpeg(exif: [.. exif[..keep], .. noise]))
            .Sample(bytes => Assert.True(Inspect(bytes).IsSupported));
    }

    [Fact]
    public void A_film_behind_the_picture_does_not_matter()
    {
        Assert.True(Inspect(ImageBytes.Jpeg().PadTo(3_000_000)).IsSupported);
        Assert.True(Inspect(ImageBytes.Png().PadTo(3_000_000)).IsSupported);
        Assert.True(Inspect(ImageBytes.WebPLossy().PadTo(3_000_000)).IsSupported);
    }

    [Fact]
    public void The_end_is_found_wherever_it_is()
    {
        byte[] whole = ImageBytes.Png();
        const int window = 64 * 1024;
        foreach (int before in new[] { 0, window - 34, window - 12, window - 11, window - 1, window, 2 * window })
        {
            foreach (int behind in new[] { 0, 1, window - 12, window - 11, window - 1, window, 3 * window })
            {
                byte[] bytes = [.. whole[..^12], .. new byte[before], .. whole[^12..], .. new byte[behind]];
                Assert.True(Inspect(bytes).IsSupported, $"{before} bytes before and {behind} behind the end.");
            }
        }
    }

    [Fact]
    public void Ten_mebibytes_are_taken_and_one_byte_more_is_not()
    {
        const int limit = 10 * 1024 * 1024;
        byte[][] images = [ImageBytes.Jpeg(), ImageBytes.Png(), ImageBytes.WebPLossless()];
        foreach (byte[] image in images)
        {
            Assert.True(Inspect(image.PadTo(limit)).IsSupported);
            Assert.Contains(
                Inspect(image.PadTo(limit + 1)).Problems,
                problem => problem.Contains("10,485,761 bytes", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void What_may_be_over_the_limit_gets_a_warning()
    {
        Assert.Empty(Inspect(ImageBytes.Png().PadTo(10_000_000)).Warnings);
        Assert.Contains("10,000,001 bytes", Assert.Single(Inspect(ImageBytes.Png().PadTo(10_000_001)).Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_huge_file_is_refused_after_a_few_reads()
    {
        using var stream = new HugeStream(ImageBytes.Jpeg()[..^2], 1L << 50);

        Assert.False(ImageInspector.Inspect(stream, "huge.jpg").IsSupported);
        Assert.InRange(stream.BytesRead, 1, 256 * 1024);
    }

    [Theory]
    [InlineData(300, 300, 0)]
    [InlineData(299, 300, 1)]
    [InlineData(300, 299, 1)]
    [InlineData(750, 300, 0)]
    [InlineData(751, 300, 1)]
    [InlineData(300, 751, 1)]
    [InlineData(100, 1000, 2)]
    public void A_small_or_long_image_gets_a_warning(int width, int height, int warnings)
    {
        ImageReport report = Inspect(ImageBytes.Png((uint)width, (uint)height));

        Assert.True(report.IsSupported);
        Assert.Equal(warnings, report.Warnings.Length);
    }

    [Theory]
    [InlineData("photo.jpg", true)]
    [InlineData("photo.HEIC", true)]
    [InlineData("photo.PNG", false)]
    [InlineData("photo.tmp", false)]
    [InlineData("photo", false)]
    public void The_content_decides_and_a_name_that_says_otherwise_gets_a_warning(string path, bool warned)
    {
        ImageReport report = Inspect(ImageBytes.Png(), path);

        Assert.Equal((ImageFormat.Png, true), (report.ImageFormat, report.IsSupported));
        Assert.Equal(warned ? 1 : 0, report.Warnings.Length);
    }

    [Fact]
    public void An_animation_gets_a_warning() =>
        Assert.Contains("animated", Assert.Single(Inspect(ImageBytes.WebPExtended(animated: true)).Warnings), StringComparison.Ordinal);

    [Fact]
    public void Insisting_on_a_file_the_service_refuses_throws_with_the_reason()
    {
        ImageReport report = Inspect(ImageBytes.Box("heic"), "shots/photo.jpg");

        var exception = Assert.Throws<KlingException>(report.EnsureSupported);

        Assert.Equal(ErrorKind.ImageUnsupported, exception.Kind);
        Assert.Equal(
            "The service does not take 'shots/photo.jpg'. It is a HEIC photo; convert it to JPEG or PNG first.",
            exception.Message);
    }

    [Fact]
    public void A_stream_that_cannot_seek_is_refused()
    {
        using var stream = new System.IO.Compression.DeflateStream(new MemoryStream(), System.IO.Compression.CompressionMode.Decompress);

        Assert.Throws<ArgumentException>(() => ImageInspector.Inspect(stream, "image"));
    }

    [Fact]
    public async Task The_samples_are_images_the_service_takes_without_a_word()
    {
        string[] samples = Directory.GetFiles(SamplesFolder());

        Assert.NotEmpty(samples);
        foreach (string sample in samples)
        {
            ImageReport report = await ImageInspector.InspectAsync(sample, TestContext.Current.CancellationToken);
            Assert.Empty(report.Problems);
            Assert.Empty(report.Warnings);
            Assert.InRange(report.Length, 1, 40 * 1024);
        }
    }

    [Fact]
    public async Task A_missing_file_and_a_folder_are_told_apart()
    {
        string folder = Directory.CreateTempSubdirectory("klingps").FullName;
        try
        {
            foreach (string missing in new[] { Path.Combine(folder, "none.png"), Path.Combine(folder, "no", "none.png"), "nul\0.png" })
            {
                var exception = await Assert.ThrowsAsync<KlingException>(() => ImageInspector.InspectAsync(missing));
                Assert.Equal(ErrorKind.PathNotFound, exception.Kind);
            }

            var refused = await Assert.ThrowsAsync<KlingException>(() => ImageInspector.InspectAsync(folder));
            Assert.Equal(ErrorKind.ImageUnsupported, refused.Kind);
            Assert.Contains($"is a folder; name a file in it, or use Get-ChildItem '{folder}'", refused.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_file_held_by_another_program_is_unreadable()
    {
        string file = Path.GetTempFileName();
        try
        {
            using (new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            {
                var exception = await Assert.ThrowsAsync<KlingException>(() => ImageInspector.InspectAsync(file));
                Assert.Equal(ErrorKind.FileUnreadable, exception.Kind);
                Assert.Contains(file, exception.Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string SamplesFolder()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KlingPS.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return Path.Combine(folder ?? throw new DirectoryNotFoundException("The tests run outside the repository."), "samples", "images");
    }

    /// <summary>A beginning, and zeros for ever after.</summary>
    private sealed class HugeStream(byte[] beginning, long length) : Stream
    {
        public long BytesRead { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get; set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            for (int i = 0; i < count; i++, Position++)
            {
                buffer[offset + i] = Position < beginning.Length ? beginning[Position] : (byte)0;
            }

            BytesRead += count;
            return count;
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }
    }

    public static TheoryData<string, byte[]> Odd => new()
    {
        { "CMYK", ImageBytes.Jpeg(colours: 4) },
        { "12 bits", ImageBytes.Jpeg(depth: 12, frame: 0xC1) },
        { "16 bits", ImageBytes.Png(depth: 16) },
        { "animated", ImageBytes.Png(animated: true) },
        { "animated", ImageBytes.WebPExtended(animated: true, exif: ImageBytes.Exif(1, little: true)) },
    };

    [Theory]
    [MemberData(nameof(Odd))]
    public void What_the_service_may_trip_over_is_a_warning_and_no_refusal(string warning, byte[] image)
    {
        ImageReport report = Inspect(image);

        Assert.True(report.IsSupported);
        Assert.Contains(warning, Assert.Single(report.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 640, 360)]
    [InlineData(3, 640, 360)]
    [InlineData(5, 360, 640)]
    [InlineData(8, 360, 640)]
    public void Pictures_of_every_format_are_as_large_as_a_viewer_shows_them(ushort orientation, int width, int height)
    {
        Assert.All(
            [
                ImageBytes.Png(orientation: orientation), ImageBytes.Png(orientation: orientation, exifLast: true),
                ImageBytes.WebPExtended(exif: ImageBytes.Exif(orientation, little: true)), ImageBytes.WebPExtended(exif: ImageBytes.Exif(orientation, little: false)[6..]),
                ImageBytes.Jpeg(exif: ImageBytes.Exif(orientation, little: false)),
            ],
            image => Assert.Equal((width, height), (Inspect(image).Width, Inspect(image).Height)));
    }

    [Fact]
    public void A_model_that_takes_larger_images_has_them_inspected_up_to_its_own_limit()
    {
        byte[] image = ImageBytes.Jpeg().PadTo(20 * 1024 * 1024);

        Assert.Contains("(10 MB)", Assert.Single(Inspect(image).Problems), StringComparison.Ordinal);
        ImageReport report = ImageInspector.Inspect(new MemoryStream(image), "image", ModelCatalog.Get("kling-3.0-omni/image-to-video").MaxImageLength, CancellationToken.None);
        Assert.Equal((true, 0), (report.IsSupported, report.Warnings.Length));
    }

    [Theory]
    [InlineData("kling-2.6/motion-control", 300, 500, "no side may be under 301")]
    [InlineData("kling-2.6/motion-control", 301, 500, null)]
    [InlineData("kling-3.0-omni/image-to-video", 300, 751, "2.5 times")]
    [InlineData("kling-3.0-omni/image-to-video", 300, 750, null)]
    [InlineData("kling/v2-1-pro", 200, 900, null)]
    [InlineData("kling/v3-turbo-text-to-video", 640, 360, "without an image")]
    public void A_model_has_rules_of_its_own_for_sides_and_shape(string model, int width, int height, string? problem)
    {
        ImageReport report = ModelCatalog.Get(model).Judge(Inspect(ImageBytes.Png((uint)width, (uint)height)));

        Assert.Equal(problem is null, report.IsSupported);
        Assert.Contains(problem ?? string.Empty, string.Concat(report.Problems), StringComparison.Ordinal);
    }
}
