using System.Net;
using System.Net.Http.Headers;

namespace KlingPS.Core.Tests.Saving;

/// <summary>A file server in memory that can be made to fail in every way a real one does.</summary>
internal sealed class VideoServer(byte[] content) : HttpMessageHandler
{
    public byte[] Content { get; set; } = content;

    /// <summary>What is at an address; the same everywhere unless it is set.</summary>
    public Func<Uri, byte[]>? ContentOf { get; set; }

    public string? EntityTag { get; set; } = "\"v1\"";

    public DateTimeOffset? LastModified { get; set; }

    public bool HasRanges { get; set; } = true;

    public bool HonoursIfRange { get; set; } = true;

    public bool AnnouncesLength { get; set; } = true;

    /// <summary>After how many bytes of the next bodies the connection breaks.</summary>
    public Queue<long> Cuts { get; } = new();

    /// <summary>What the next requests are answered with; null means the file.</summary>
    public Queue<Func<HttpRequestMessage, HttpResponseMessage?>> Script { get; } = new();

    /// <summary>Answers a request in place of the server, or throws; null lets it through.</summary>
    public Func<HttpRequestMessage, HttpResponseMessage?>? Intercept { get; set; }

    public List<HttpRequestMessage> Requests { get; } = [];

    public byte[] ContentAt(Uri uri) => ContentOf?.Invoke(uri) ?? Content;

    public HttpResponseMessage Serve(HttpRequestMessage request)
    {
        byte[] content = ContentAt(request.RequestUri!);
        long from = 0;
        RangeConditionHeaderValue? condition = request.Headers.IfRange;
        bool same = condition is null || !HonoursIfRange || condition.EntityTag?.Tag == EntityTag || (condition.Date is { } date && date == LastModified);
        var response = new HttpResponseMessage(HttpStatusCode.OK) { RequestMessage = request };
        if (HasRanges && same && request.Headers.Range is { } range)
        {
            from = range.Ranges.Single().From!.Value;
            if (from >= content.Length)
            {
                response.StatusCode = HttpStatusCode.RequestedRangeNotSatisfiable;
                response.Content.Headers.ContentRange = new ContentRangeHeaderValue(content.Length);
                return response;
            }

            response.StatusCode = HttpStatusCode.PartialContent;
        }

        response.Content = new StreamContent(new BodyStream(content[(int)from..], Cuts.TryDequeue(out long cut) ? cut : long.MaxValue));
        response.Content.Headers.ContentLength = AnnouncesLength ? content.Length - from : null;
        response.Content.Headers.LastModified = LastModified;
        response.Headers.Date = LastModified?.AddHours(1);
        response.Headers.ETag = EntityTag is null ? null : EntityTagHeaderValue.Parse(EntityTag);
        if (response.StatusCode == HttpStatusCode.PartialContent)
        {
            response.Content.Headers.ContentRange = new ContentRangeHeaderValue(from, content.Length - 1, content.Length);
        }

        return response;
    }

    public static HttpResponseMessage ApiResponse(HttpStatusCode status, string? location = null, TimeSpan? retryAfter = null)
    {
        var response = new HttpResponseMessage(status);
        response.Headers.Location = location is null ? null : new Uri(location, UriKind.RelativeOrAbsolute);
        response.Headers.RetryAfter = retryAfter is { } after ? new RetryConditionHeaderValue(after) : null;
        return response;
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Intercept?.Invoke(request) is HttpResponseMessage intercepted)
        {
            return Task.FromResult(intercepted);
        }

        lock (Requests)
        {
            Requests.Add(request);
            return Task.FromResult((Script.TryDequeue(out Func<HttpRequestMessage, HttpResponseMessage?>? scripted) ? scripted(request) : null) ?? Serve(request));
        }
    }

    /// <summary>Gives its bytes in uneven pieces and breaks after some of them.</summary>
    private sealed class BodyStream(byte[] content, long cut) : Stream
    {
        private int _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => _position; set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long left = Math.Min(content.Length, cut) - _position;
            if (left <= 0 && cut < content.Length)
            {
                throw new IOException("The connection was reset.");
            }

            int count = (int)Math.Min(Math.Min(left, buffer.Length), 1_000 + (_position % 7_919));
            content.AsMemory(_position, count).CopyTo(buffer);
            _position += count;
            return ValueTask.FromResult(count);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
