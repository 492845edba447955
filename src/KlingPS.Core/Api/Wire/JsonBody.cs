using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KlingPS.Core.Api.Wire;

/// <summary>A JSON body.</summary>
internal sealed class JsonBody : TrackedContent
{
    private readonly byte[] _bytes;

    private JsonBody(byte[] bytes)
    {
        _bytes = bytes;
        Headers.ContentType = new MediaTypeHeaderValue("application/json");
        Headers.ContentLength = bytes.Length;
    }

    public static JsonBody From<T>(T value, JsonTypeInfo<T> type) => new(JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <summary>A body that has been written already.</summary>
    /// <param name="bytes">The JSON, in UTF-8.</param>
    /// <param name="leaving">See <see cref="TrackedContent.Leaving"/>.</param>
    public static JsonBody From(byte[] bytes, Func<Task>? leaving) => new(bytes) { Leaving = leaving };

    /// <summary>The body as text, for the debug stream.</summary>
    public override string ToString() => Encoding.UTF8.GetString(_bytes);

    protected override Task WriteAsync(Stream stream, CancellationToken cancellationToken)
        => stream.WriteAsync(_bytes, cancellationToken).AsTask();

    protected override bool TryComputeLength(out long length)
    {
        length = _bytes.Length;
        return true;
    }
}
