using System.Collections;
using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>
/// Input that a command can read nothing from: rows of which no column is named after a parameter, as in a table that was read with
/// a different delimiter from the one it was written with; hashtables; and other objects. PowerShell would not pass them to the command, and would write
/// an error for each that says neither what came nor what was expected. <see cref="PathTextAttribute"/> lets them through as rows without
/// an image, so that the command can report them.
/// </summary>
internal sealed class UnreadableInput : IDisposable
{
    private const int MostColumns = 10;
    private const int LongestColumn = 100;

    private static readonly char[] s_delimiters = [';', '\t', '|', ','];

    [ThreadStatic]
    private static List<UnreadableInput>? s_reading;

    private readonly InvocationInfo _invocation;
    private readonly Func<PSObject?> _current;
    private readonly HashSet<string> _read = new(StringComparer.OrdinalIgnoreCase);
    private readonly string[] _names;
    private readonly HashSet<string> _told = new(StringComparer.OrdinalIgnoreCase);
    private object? _found;

    /// <summary>Looks at the input of a command, until it is disposed of on the same thread.</summary>
    /// <param name="invocation">The command.</param>
    /// <param name="current">The row that is being bound, or was bound last.</param>
    public UnreadableInput(InvocationInfo invocation, Func<PSObject?> current)
    {
        _invocation = invocation;
        _current = current;
        ParameterMetadata[] read = [.. invocation.MyCommand.Parameters.Values.Where(parameter => parameter.ParameterSets.Values.Any(set => set.ValueFromPipelineByPropertyName))];
        _names = [.. read.Select(parameter => parameter.Name).OrderBy(name => name != "Path")];
        _read.UnionWith(read.SelectMany(parameter => parameter.Aliases.Prepend(parameter.Name)));
        (s_reading ??= []).Add(this);
    }

    /// <summary>Whether a value that is being bound is such input of a command on this thread.</summary>
    /// <param name="value">The value.</param>
    public static bool IsAny(object value) => s_reading?.Exists(reader => reader.Find(value)) == true;

    /// <summary>Whether a row was found to be such input.</summary>
    /// <param name="row">The row that has reached the command.</param>
    public bool Holds(PSObject row) => ReferenceEquals(_found, KeyOf(row));

    /// <summary>Says what is wrong with such a row.</summary>
    /// <param name="row">The row.</param>
    /// <returns>What to tell the user, and whether it is the first of its kind: the rows of one table have the same columns.</returns>
    public (string Problem, bool IsFirst) Describe(PSObject row)
    {
        string[] columns = row.BaseObject is PSCustomObject ? [.. row.Properties.Select(column => column.Name)] : [];
        string command = _invocation.MyCommand.Name;
        string problem = row.BaseObject switch
        {
            IDictionary => $"What came through the pipeline is {WrappedObject.Describe(row.BaseObject)}, whose keys are not read as columns are. Make it an object: [pscustomobject]@{{ … }} in place of @{{ … }}.",
            PSCustomObject when columns.Length == 0 => $"An object without properties came through the pipeline, so there is nothing that {command} could read.",
            PSCustomObject => $"None of the columns that came through the pipeline is one that {command} reads. {Enumerate(columns)} {Advise(row, columns)}",
            var other => $"What came through the pipeline is {WrappedObject.Describe(other)}, and has no property that {command} reads.",
        };
        return ($"{problem} It reads {string.Join(", ", _names)}.", _told.Add($"{row.BaseObject.GetType().FullName}|{string.Join('\n', columns)}"));
    }

    /// <inheritdoc/>
    public void Dispose() => s_reading?.Remove(this);

    private bool Find(object value)
    {
        if (_current() is not PSObject row || !ReferenceEquals(KeyOf(value), KeyOf(row)) || _read.Any(name => row.Properties[name] is not null))
        {
            return false;
        }

        _found = KeyOf(row);
        return true;
    }

    private static string Enumerate(string[] columns)
    {
        string names = string.Join(", ", columns.Take(MostColumns).Select(column => $"'{VisibleText.InLine(column, LongestColumn)}'"));
        return columns.Length == 1 ? $"The only one that came is {names}."
            : string.Create(CultureInfo.InvariantCulture, $"Those that came are {names}{(columns.Length > MostColumns ? $" and {columns.Length - MostColumns} more" : string.Empty)}.");
    }

    /// <summary>What to do about columns with other names.</summary>
    private string Advise(PSObject row, string[] columns)
    {
        if (FindDelimiter(columns) is char delimiter)
        {
            return $"Several names are in one: the table was read with another delimiter than it was written with. Read it with Import-Csv -Delimiter {(delimiter == '\t' ? "\"`t\"" : $"'{delimiter}'")}.";
        }

        return new NearColumns(_invocation).Describe(row)
            ?? "If the file has columns that are read, its delimiter may be another one, as Excel writes ';' in many countries (Import-Csv -Delimiter ';'), or its first line is not the names of the columns (Import-Csv -Header).";
    }

    /// <summary>The delimiter that was not recognized: the one between names within the name of a column.</summary>
    private char? FindDelimiter(string[] columns)
    {
        foreach (char delimiter in s_delimiters)
        {
            if (columns.Any(column => column.Contains(delimiter, StringComparison.Ordinal) && column.Split(delimiter).Any(name => _read.Contains(name.Trim(' ', '"', '\'')))))
            {
                return delimiter;
            }
        }

        return null;
    }

    /// <summary>What identifies a row: PowerShell may wrap an object again at any point.</summary>
    private static object? KeyOf(object? value) => value is PSObject { BaseObject: not PSCustomObject and var inner } ? inner : value;
}
