using System.Text.Json.Serialization;

namespace KlingPS.Sandbox.Routes;

/// <summary>JSON of the sandbox's own routes; what imitates the service is written by hand, which keeps field order and nulls.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    PropertyNameCaseInsensitive = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(SandboxBill))]
[JsonSerializable(typeof(SandboxFault))]
internal sealed partial class SandboxJsonContext : JsonSerializerContext;
