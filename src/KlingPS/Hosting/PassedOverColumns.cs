using System.Collections;
using System.Management.Automation;

namespace KlingPS.Hosting;

/// <summary>
/// Columns of the input that nobody looks at, because their parameters were given to the command itself. That is PowerShell's rule, but
/// PowerShell does not mention it.
/// </summary>
internal sealed class PassedOverColumns
{
    private readonly Candidate[] _candidates = [];
    private readonly HashSet<string> _told = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Notes which parameters are given before there is any input.</summary>
    public PassedOverColumns(InvocationInfo invocation)
    {
        if (!invocation.ExpectingInput)
        {
            return;
        }

        var candidates = new List<Candidate>();
        Dictionary<string, ParameterMetadata> parameters = invocation.MyCommand.Parameters;
        foreach (ParameterMetadata parameter in parameters.Values)
        {
            if (invocation.BoundParameters.TryGetValue(parameter.Name, out object? value))
            {
                IEnumerable<ParameterMetadata> beaten = parameter.Attributes.OfType<InPlaceOfAttribute>().Select(rival => parameters[rival.Other]).Prepend(parameter);
                candidates.AddRange(beaten
                    .Where(one => one.ParameterSets.Values.Any(set => set.ValueFromPipelineByPropertyName))
                    .SelectMany(one => one.Aliases.Prepend(one.Name), (_, column) => new Candidate(column, parameter.Name, value)));
            }
        }

        _candidates = [.. candidates.OrderBy(candidate => candidate.Column, StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>What to say about a row: each column once in a command; <see langword="null"/> if there is nothing new.</summary>
    /// <param name="row">The input that is bound now.</param>
    public string? Describe(PSObject? row)
    {
        if (row is null || _candidates.Length == 0)
        {
            return null;
        }

        string[] columns = [.. _candidates.Where(candidate => Says(row, candidate.Column, candidate.Value) && _told.Add(candidate.Column)).Select(candidate => $"'{candidate.Column}' (-{candidate.Parameter})")];
        return columns.Length == 0
            ? null
            : $"Columns of the input that are not used, because the parameter is given: {string.Join(", ", columns)}. Leave the parameter out to have each row's own value.";
    }

    /// <summary>Whether a row says something other than what is given. An empty cell says nothing.</summary>
    private static bool Says(PSObject row, string column, object given)
    {
        try
        {
            object? value = row.Properties[column]?.Value;
            given = given is IList { Count: 1 } list && list[0] is object only ? only : given;
            return !(value is null || string.IsNullOrWhiteSpace(value.ToString()))
                && !(given is SwitchParameter { IsPresent: var isGiven } ? isGiven.ToString().Equals(value.ToString(), StringComparison.OrdinalIgnoreCase) : LanguagePrimitives.Equals(given, value));
        }
        catch (RuntimeException)
        {
            // A property that cannot be read is bound by nobody.
            return false;
        }
    }

    /// <summary>A column that is passed over. Not a tuple: .NET has code for lists of objects, and compiles it again for each kind of tuple.</summary>
    private sealed record Candidate(string Column, string Parameter, object Value);
}
