using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Management.Automation;

namespace KlingPS.Parameters;

/// <summary>A row, in any of the ways in which PowerShell lets it be written.</summary>
internal static class TableRow
{
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
}
