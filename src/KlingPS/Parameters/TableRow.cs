using System.Collections;
using System.Data;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using System.Xml;
using KlingPS.Core;

namespace KlingPS.Parameters;

/// <summary>A row, in any of the ways in which PowerShell lets it be written.</summary>
internal static class TableRow
{
    private const string FromElsewhere = "Deserialized.";

    /// <summary>The objects whose properties are nothing but data, which may be about anything.</summary>
    private static readonly Type[] s_data = [typeof(PSCustomObject), typeof(IDictionary), typeof(DataRow), typeof(DataRowView), typeof(XmlElement)];

    private static readonly Assembly[] s_own = [typeof(TableRow).Assembly, typeof(KlingException).Assembly];

    /// <summary>An object with a property for each key of a hashtable, or of another dictionary; any other input as it is.</summary>
    /// <param name="input">What came through the pipeline.</param>
    [return: NotNullIfNotNull(nameof(input))]
    public static PSObject? Of(PSObject? input)
    {
        if (input?.BaseObject is not IDictionary table)
        {
            return input;
        }

        var row = new PSObject();
        foreach (DictionaryEntry entry in table)
        {
            // If keys differ only in case, the first one counts.
            if (Convert.ToString(entry.Key, CultureInfo.InvariantCulture) is { Length: > 0 } name && row.Properties[name] is null)
            {
                row.Properties.Add(new PSNoteProperty(name, entry.Value));
            }
        }

        return row;
    }

    /// <summary>The type of an object that is neither a row nor one of this module, such as a process: what its properties are called says nothing about what they mean here.</summary>
    /// <param name="input">The object, or what another session has written down of it.</param>
    /// <returns>The name of the type; <see langword="null"/> if it is a row, or one of this module.</returns>
    public static string? FindForeignType(PSObject input)
    {
        if (IsFromElsewhere(input))
        {
            string[] names = [.. input.TypeNames.Where(name => name.StartsWith(FromElsewhere, StringComparison.Ordinal)).Select(name => name[FromElsewhere.Length..])];
            return names.Any(name => name.StartsWith($"{nameof(KlingPS)}.", StringComparison.Ordinal) || s_data.Any(data => data.FullName == name)) ? null : names[0][(names[0].LastIndexOf('.') + 1)..];
        }

        Type type = input.BaseObject.GetType();
        return s_own.Contains(type.Assembly) || s_data.Any(data => data.IsAssignableFrom(type)) ? null : type.Name;
    }

    /// <summary>Whether it is what another session, or a file, has kept of an object.</summary>
    /// <param name="input">The object.</param>
    public static bool IsFromElsewhere(PSObject input) => input.BaseObject is PSCustomObject && input.TypeNames.FirstOrDefault()?.StartsWith(FromElsewhere, StringComparison.Ordinal) == true;
}
