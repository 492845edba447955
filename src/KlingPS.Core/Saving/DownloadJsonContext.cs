using System.Text.Json.Serialization;

namespace KlingPS.Core.Saving;

[JsonSerializable(typeof(PartialState))]
internal sealed partial class DownloadJsonContext : JsonSerializerContext;
