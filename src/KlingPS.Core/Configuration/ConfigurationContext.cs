using System.Text.Json.Serialization;

namespace KlingPS.Core.Configuration;

/// <summary>Source-generated JSON of the configuration file.</summary>
[JsonSerializable(typeof(KlingConfiguration))]
internal sealed partial class ConfigurationContext : JsonSerializerContext;
