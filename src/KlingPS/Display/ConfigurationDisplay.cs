using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;

namespace KlingPS.Display;

/// <summary>What the views of the configuration show. Called from the format file.</summary>
public static class ConfigurationDisplay
{
    /// <summary>A setting and its source.</summary>
    /// <param name="configuration">The configuration; may have been read from a file.</param>
    /// <param name="name">The setting.</param>
    public static string Describe(PSObject configuration, string name)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        object? value = configuration.Properties[name]?.Value;
        object? sources = (configuration.Properties["Source"]?.Value is PSObject wrapped ? wrapped.BaseObject : configuration.Properties["Source"]?.Value);
        object? source = sources switch
        {
            IReadOnlyDictionary<string, string> live => live.GetValueOrDefault(name),
            System.Collections.IDictionary kept => kept[name],
            _ => null,
        };
        string text = value is null ? string.Empty : Convert.ToString(value, CultureInfo.CurrentCulture) + " ";
        return VisibleText.InLine($"{text}({source})");
    }
}
