using System.Data;
using System.Management.Automation;
using KlingPS.Core;

namespace KlingPS.Hosting;

/// <summary>
/// Columns of a table that nobody reads although they are called almost like a parameter, or misspelt, or called like one that is given for the
/// whole command alone. PowerShell binds by the exact name and says nothing about the others.
/// </summary>
internal sealed class NearColumns
{
    /// <summary>Names with fewer letters are like too many others, and those with more were never meant for a parameter.</summary>
    private const int ShortestName = 4;
    private const int LongestName = 40;

    private const string Deserialized = "Deserialized.";

    private static readonly HashSet<string> s_common = new([.. Cmdlet.CommonParameters, .. Cmdlet.OptionalCommonParameters], StringComparer.OrdinalIgnoreCase);

    private readonly HashSet<string> _read = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _near = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _ofCommand = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string?> _meant = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _told = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Notes what the command reads.</summary>
    public NearColumns(InvocationInfo invocation)
    {
        foreach (ParameterMetadata parameter in invocation.MyCommand.Parameters.Values.Where(parameter => !s_common.Contains(parameter.Name)))
        {
            bool isRead = parameter.ParameterSets.Values.Any(set => set.ValueFromPipelineByPropertyName);
            foreach (string name in parameter.Aliases.Prepend(parameter.Name))
            {
                if (isRead)
                {
                    _read.Add(name);
                    _near.TryAdd(Squeeze(name), parameter.Name);
                }
                else if (!invocation.BoundParameters.ContainsKey(parameter.Name))
                {
                    _ofCommand.TryAdd(Squeeze(name), parameter.Name);
                }
            }
        }
    }

    /// <summary>What to say about a row: each column once in a command; <see langword="null"/> if there is nothing new.</summary>
    /// <param name="row">The input that is bound now.</param>
    public string? Describe(PSObject row)
    {
        string[] columns = [.. ColumnsOf(row).Select(column => FindAdvice(row, column)).OfType<string>()];
        return columns.Length == 0 ? null : $"Columns of the input that are not read: {string.Join(", ", columns)}.";
    }

    /// <summary>
    /// Whether an object is a row of a table or of a database, or of a class that was written for it in a script. What comes from a job or
    /// Import-Clixml has no type of its own, and its properties are still those of the object that it was.
    /// </summary>
    public static bool IsOfTable(PSObject row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.BaseObject switch
        {
            PSCustomObject => row.TypeNames.FirstOrDefault()?.StartsWith(Deserialized, StringComparison.Ordinal) != true || row.TypeNames.Contains(Deserialized + typeof(PSCustomObject).FullName),
            DataRow or DataRowView => true,
            var other => other.GetType().Assembly.IsDynamic,
        };
    }

    /// <summary>Whether the command reads a column of this name.</summary>
    public bool Reads(string name) => _read.Contains(name);

    /// <summary>The parameter that a column which is not read has the name of, apart from what is between the words; <see langword="null"/> if there is none.</summary>
    /// <param name="name">The name of the column.</param>
    public string? FindSpelled(string name) => _read.Contains(name) ? null : _near.GetValueOrDefault(Squeeze(name));

    /// <summary>A name without what is left out or put between its words by habit.</summary>
    public static string Squeeze(string name)
    {
        return name.All(IsKept) ? name : string.Concat(name.Where(IsKept));

        static bool IsKept(char c) => !char.IsWhiteSpace(c) && c is not ('_' or '-');
    }

    /// <summary>The columns of a row of a database, which has other properties as well.</summary>
    /// <returns><see langword="null"/> for any other object.</returns>
    public static IEnumerable<PSPropertyInfo>? OfDatabase(PSObject row)
    {
        ArgumentNullException.ThrowIfNull(row);
        DataTable? table = row.BaseObject switch
        {
            DataRow of => of.Table,
            DataRowView of => of.Row.Table,
            _ => null,
        };
        return table?.Columns.Cast<DataColumn>().Select(column => row.Properties[column.ColumnName]).OfType<PSPropertyInfo>();
    }

    /// <summary>The properties that may be columns: those of a row, or what somebody has added to another object, which has the others for other reasons.</summary>
    private static IEnumerable<PSPropertyInfo> ColumnsOf(PSObject row)
        => OfDatabase(row)
            ?? (IsOfTable(row) ? row.Properties.Where(column => column.MemberType is PSMemberTypes.NoteProperty or PSMemberTypes.Property)
                : row.BaseObject is PSCustomObject ? []
                : WrappedObject.FindAdded(row)?.Where(column => column.MemberType == PSMemberTypes.NoteProperty) ?? []);

    /// <summary>Whether a column is a property of the file that the row was made from, by Select-Object *, or in a CSV file or JSON.</summary>
    private static bool IsOfFile(PSObject row, string name)
        => row.Properties[nameof(FileInfo.FullName)] is not null && (name == "Mode" || typeof(FileInfo).GetProperty(name) is not null);

    private string? FindAdvice(PSObject row, PSPropertyInfo column)
    {
        string name = column.Name;
        string squeezed = Squeeze(name);
        string? advice = _read.Contains(name) ? null
            : _near.TryGetValue(squeezed, out string? parameter) ? $"call it {parameter}"
            : _ofCommand.TryGetValue(squeezed, out parameter) ? $"give -{parameter} to the command instead, for all rows"
            : FindMeant(row, name, squeezed) is string meant ? $"did you mean {meant}?"
            : null;
        return advice is null || string.IsNullOrWhiteSpace(column.Value?.ToString()) || !_told.Add(name) ? null : $"'{VisibleText.InLine(name)}' ({advice})";
    }

    /// <summary>The parameter that a misspelt column was meant for. One beside the column that it is like, such as Prompt2, is somebody's own.</summary>
    private string? FindMeant(PSObject row, string name, string squeezed)
    {
        if (!_meant.TryGetValue(name, out string? meant))
        {
            // All rows of a table have the same columns, and comparing names letter by letter takes longer than all else done for a row.
            var there = row.Properties.Select(column => Squeeze(column.Name)).ToHashSet(StringComparer.OrdinalIgnoreCase);
            IEnumerable<string> free = _near.Values.Distinct().Except(_near.Where(read => there.Contains(read.Key)).Select(read => read.Value));
            meant = squeezed.Length is < ShortestName or > LongestName || IsOfFile(row, name) ? null
                : NearName.Find(squeezed, free.Where(parameter => char.ToUpperInvariant(parameter[0]) == char.ToUpperInvariant(squeezed[0])));
            _meant.Add(name, meant);
        }

        return meant;
    }
}
