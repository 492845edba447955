using System.Net.Http.Headers;
using System.Text;
using CsCheck;
using KlingPS.Sandbox.Wire;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class MultipartReaderTests
{
    // Content made of the pieces that delimiters are made of is the hardest.
    private static readonly Gen<byte[]> s_content = Gen.OneOf(
        Gen.Byte.Array[0, 300],
        Gen.OneOf("\r", "\n", "-", "--", "\r\n--", "\r\n--fox", "x").Array[0, 60].Select(pieces => Encoding.ASCII.GetBytes(string.Concat(pieces))),
        Gen.Int[65_000, 66_000].Select(length => new byte[length]));

    [Fact]
    public Task Parts_come_out_as_they_went_in_however_the_stream_is_cut() =>
        Gen.Select(s_content.Array[1, 4], Gen.Int[1, 5000]).SampleAsync(
            async (parts, readSize) =>
            {
                using MultipartFormDataContent form = new("fox-boundary");
                for (int i = 0; i < parts.Length; i++)
                {
                    form.Add(new ByteArrayContent(parts[i]), $"part{i}", "ä.bin");
                }

                using ShortReads body = new(form.ReadAsStream(), readSize);
                List<byte[]> read = await ReadAll(body, "fox-boundary");

                // One by one: arrays in arrays are compared as objects, byte by byte.
                Assert.Equal(parts.Length, read.Count);
                Assert.All(parts.Zip(read), part => Assert.Equal(part.First, part.Second));
            },
            iter: 200);

    [Fact]
    public async Task A_part_nobody_reads_is_skipped()
    {
        using MultipartFormDataContent form = new("b") { { new ByteArrayContent(new byte[200_000]), "a" }, { new StringContent("x"), "c" } };
        MultipartReader reader = new(form.ReadAsStream(), "b");

        Assert.Equal("a", (await reader.NextAsync(default))?.Name);
        Assert.Equal("c", (await reader.NextAsync(default))?.Name);
        Assert.Null(await reader.NextAsync(default));
    }

    [Theory]
    [InlineData("")]
    [InlineData("--b\r\n")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nxyz")]
    [InlineData("--b\r\nX: y\r\n\r\nxyz\r\n--b--")]
    public async Task A_body_that_ends_too_early_or_is_something_else_is_refused(string body)
    {
        using MemoryStream stream = new(Encoding.ASCII.GetBytes(body));

        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAll(stream, "b"));
    }

    [Fact]
    public async Task The_last_line_break_is_optional()
    {
        using MemoryStream stream = new("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nxyz\r\n--b--"u8.ToArray());

        Assert.Equal("xyz"u8.ToArray(), Assert.Single(await ReadAll(stream, "b")));
    }

    [Theory]
    [InlineData("multipart/form-data; boundary=abc", "abc")]
    [InlineData("multipart/form-data; boundary=\"a b\"", "a b")]
    [InlineData("multipart/form-data", null)]
    [InlineData("application/json; boundary=abc", null)]
    [InlineData(null, null)]
    public void The_boundary_is_found(string? contentType, string? boundary) =>
        Assert.Equal(boundary, MultipartReader.BoundaryOf(contentType));

    private static async Task<List<byte[]>> ReadAll(Stream body, string boundary)
    {
        MultipartReader reader = new(body, boundary);
        List<byte[]> parts = [];
        while (await reader.NextAsync(default) is ContentDispositionHeaderValue)
        {
            using MemoryStream part = new();
            await reader.CopyPartAsync((bytes, token) => part.WriteAsync(bytes, token), default);
            parts.Add(part.ToArray());
        }

        return parts;
    }

    /// <summary>Gives no more than so many bytes at a time, as networks do.</summary>
    private sealed class ShortReads(Stream inner, int size) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, Math.Min(count, size));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            inner.ReadAsync(buffer[..Math.Min(buffer.Length, size)], cancellationToken);

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
