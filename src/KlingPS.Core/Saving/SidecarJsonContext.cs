using System.Text.Json.Serialization;

namespace KlingPS.Core.Saving;

/// <summary>How proofs are written as JSON.</summary>
[JsonSerializable(typeof(Sidecar))]
internal sealed partial class SidecarJsonContext : JsonSerializerContext;
