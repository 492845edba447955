using System.Text.Json;

namespace KlingPS.Core.Configuration;

/// <summary>One field of the configuration file.</summary>
/// <param name="Name">Its name, as it is written there.</param>
/// <param name="Line">The line its name is in, counted from 1; 0 when it is not in the file yet.</param>
/// <param name="Value">Its value.</param>
internal sealed record ConfigurationField(string Name, int Line, JsonElement Value);
