using System.Text.Json.Serialization;

namespace KlingPS.Core.Downloads;

[JsonSerializable(typeof(PartialState))]
internal sealed partial class DownloadJsonContext : JsonSerializerContext;
