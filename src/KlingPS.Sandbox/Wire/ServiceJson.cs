using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace KlingPS.Sandbox.Wire;

/// <summary>JSON text as the service writes it: compact, with non-ASCII characters as they are.</summary>
internal static class ServiceJson
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a body.</summary>
    /// <exception cref="InvalidDataException">It is not JSON, or nested too deeply; the message is the service's.</exception>
    internal static JsonDocument Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            return JsonDocument.Parse(body);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException(IsOnlyTooDeep(body) ? ServiceMessages.TooDeep : ServiceMessages.InvalidJson, exception);
        }
    }

    private static bool IsOnlyTooDeep(ReadOnlyMemory<byte> body)
    {
        try
        {
            JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = int.MaxValue }).Dispose();
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    internal static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, s_options))
        {
            write(writer);
        }

        return buffer.WrittenMemory;
    }
}
