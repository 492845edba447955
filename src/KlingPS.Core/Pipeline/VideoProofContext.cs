using System.Text.Json.Serialization;

namespace KlingPS.Core.Pipeline;

/// <summary>How proofs are written as JSON.</summary>
[JsonSerializable(typeof(VideoProof))]
internal sealed partial class VideoProofContext : JsonSerializerContext;
