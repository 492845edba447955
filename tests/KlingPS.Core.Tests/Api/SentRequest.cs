using System.Text;
using System.Text.Json;

namespace KlingPS.Core.Tests.Api;

/// <summary>A request as it came out of the client.</summary>
internal sealed class SentRequest
{
    private readonly HttpContent? _content;

    public SentRequest(HttpRequestMessage message)
    {
        _content = message.Content;
        Method = message.Method.Method;
        Uri = message.RequestUri!;
        Headers = message.Headers.ToDictionary(header => header.Key, header => string.Join(' ', header.Value), StringComparer.OrdinalIgnoreCase);
        ContentType = message.Content?.Headers.ContentType?.ToString();
        ContentLength = message.Content?.Headers.ContentLength;
    }

    public string Method { get; }

    public Uri Uri { get; }

    public IReadOnlyDictionary<string, string> Headers { get; }

    public string? ContentType { get; }

    public long? ContentLength { get; }

    /// <summary>The body; empty until it has been read.</summary>
    public byte[] Body { get; private set; } = [];

    public string Text => Encoding.UTF8.GetString(Body);

    public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Body);

    /// <summary>Takes the body off the line, as the network does when a request leaves.</summary>
    public async Task ReadAsync(CancellationToken cancellationToken)
    {
        if (_content is not null)
        {
            using var body = new MemoryStream();
            await CopyToAsync(body, cancellationToken);
            Body = body.ToArray();
        }
    }

    /// <summary>Takes the body off the line in the way of a stream, which may be slow.</summary>
    public Task CopyToAsync(Stream stream, CancellationToken cancellationToken) => _content!.CopyToAsync(stream, cancellationToken);
}
