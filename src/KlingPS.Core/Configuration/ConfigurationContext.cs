using System.Text.Json.Serialization;

namespace KlingPS.Core.Configuration;

/// <summary>Source-generated JSON of the values that the configuration file holds.</summary>
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(decimal))]
[JsonSerializable(typeof(double))]
internal sealed partial class ConfigurationContext : JsonSerializerContext;
