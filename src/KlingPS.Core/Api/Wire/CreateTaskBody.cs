using System.Buffers;
using System.Text.Json;
using KlingPS.Core.Model;

namespace KlingPS.Core.Api.Wire;

/// <summary>The body of <c>createTask</c>.</summary>
internal static class CreateTaskBody
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = WireContext.Readable.Options.Encoder };

    /// <summary>Writes the request for a video, whose images have been uploaded.</summary>
    /// <param name="spec">The video.</param>
    /// <param name="leaving">See <see cref="TrackedContent.Leaving"/>.</param>
    public static JsonBody From(VideoSpec spec, Func<Task>? leaving = null)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, s_options))
        {
            writer.WriteStartObject();
            writer.WriteString("model", spec.Model);
            if (spec.CallbackUri is not null)
            {
                writer.WriteString("callBackUrl", spec.CallbackUri);
            }

            writer.WritePropertyName("input");
            VideoInput.Write(writer, spec);
            writer.WriteEndObject();
        }

        return JsonBody.From(buffer.WrittenSpan.ToArray(), leaving);
    }
}
