using System.Text.Json;

namespace KlingPS.Core.Configuration;

/// <summary>One field of the configuration file.</summary>
/// <param name="Name">Its name, as the file spells it.</param>
/// <param name="Line">The line of its name, from 1; 0 when it is not in the file yet.</param>
/// <param name="Value">Its value.</param>
internal sealed record ConfigurationField(string Name, int Line, JsonElement Value);
