using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace KlingPS.Core.Api.Wire;

/// <summary>Source-generated JSON of what is sent.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DownloadUrlBody))]
internal sealed partial class WireContext : JsonSerializerContext
{
    /// <summary>Writes prompts as they are, not as escapes: the same JSON, but one that can be read in a debug log.</summary>
    public static WireContext Readable { get; } = new(new JsonSerializerOptions
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
