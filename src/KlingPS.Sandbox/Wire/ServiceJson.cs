using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace KlingPS.Sandbox.Wire;

/// <summary>JSON text as the service writes it: compact, with non-ASCII characters as they are.</summary>
internal static class ServiceJson
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

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
