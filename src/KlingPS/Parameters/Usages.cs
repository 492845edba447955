using System.Collections;
using System.Collections.Concurrent;
using System.Management.Automation;
using System.Reflection;
using KlingPS.Core;

namespace KlingPS.Parameters;

/// <summary>The ways of using a command: which of its parameters go together, and which are needed.</summary>
internal sealed class Usages
{
    private static readonly ConcurrentDictionary<Type, Usages> s_known = new();

    private readonly Parameter[] _parameters;
    private readonly string[] _names;

    private Usages(Type command)
    {
        _parameters = [.. command.GetProperties().Where(property => property.IsDefined(typeof(ParameterAttribute))).Select(Parameter.Of)];
        string[] names = [.. _parameters.SelectMany(parameter => parameter.Usages).Select(usage => usage.Name).OfType<string>().Distinct()];
        _names = names.Length > 0 ? names : [string.Empty];
    }

    /// <summary>The ways of using a command.</summary>
    /// <param name="command">The class of the cmdlet.</param>
    public static Usages Of(Type command) => s_known.GetOrAdd(command, type => new Usages(type));

    /// <summary>Two parameters that belong to no common way of using the command.</summary>
    public IEnumerable<(string First, string Second)> Exclusive
        => from first in _parameters
           from second in _parameters
           where string.CompareOrdinal(first.Name, second.Name) < 0 && !_names.Any(name => first.IsPartOf(name) && second.IsPartOf(name))
           select (first.Name, second.Name);

    /// <summary>Refuses parameters that do not go together, and a call that lacks one that is needed.</summary>
    /// <param name="bound">The parameters that are given, with their values. A switch that is off is not given.</param>
    /// <param name="expectsInput">Whether more may come through the pipeline.</param>
    /// <param name="command">The name of the command.</param>
    /// <param name="howToGive">Says, as a sentence, how to give the command what it works on.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>, with what is wrong.</exception>
    public void Require(IReadOnlyDictionary<string, object> bound, bool expectsInput, string command, string howToGive)
    {
        Parameter[] given = Given(bound);
        string[] possible = Possible(given);
        if (possible.Length == 0)
        {
            throw Conflict(FindConflict(given), command);
        }

        if (given.FirstOrDefault(parameter => parameter.IsEverRequired && IsEmpty(bound[parameter.Name])) is Parameter empty)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"-{empty.Name} is empty. {howToGive}");
        }

        Parameter[][] missing = [.. possible.Select(name => Missing(name, given, expectsInput))];
        if (missing.All(parameters => parameters.Length > 0))
        {
            throw given.FirstOrDefault(parameter => !_names.All(parameter.IsPartOf)) is Parameter reason
                ? new KlingException(ErrorKind.RequestInvalid, $"-{reason.Name} needs -{missing[0][0].Name}. {howToGive}")
                : new KlingException(ErrorKind.RequestInvalid, howToGive);
        }
    }

    /// <summary>Refuses input that comes through the pipeline if the parameters leave no room for it.</summary>
    /// <inheritdoc cref="Require"/>
    public void RequireRoomForInput(IReadOnlyDictionary<string, object> bound, string command)
    {
        Parameter[] given = Given(bound);
        string[] possible = Possible(given);
        if (_parameters.FirstOrDefault(parameter => parameter.TakesAnyInput && !possible.Any(parameter.IsPartOf)) is Parameter input)
        {
            throw Conflict([given.First(parameter => !_names.Any(name => parameter.IsPartOf(name) && input.IsPartOf(name))).Name, "what comes through the pipeline"], command);
        }
    }

    /// <summary>The error of parameters that do not go together.</summary>
    /// <param name="parameters">Two or more of them.</param>
    /// <param name="command">The name of the command.</param>
    public static KlingException Conflict(IReadOnlyList<string> parameters, string command)
    {
        string[] shown = [.. parameters.Select(parameter => parameter.Contains(' ', StringComparison.Ordinal) ? parameter : $"-{parameter}")];
        return new KlingException(
            ErrorKind.RequestInvalid,
            $"{string.Join(", ", shown[..^1])} and {shown[^1]} do not go together. Leave {(shown.Length == 2 ? "one of them" : "some of them")} out; Get-Help {command} shows what goes with what.");
    }

    private Parameter[] Given(IReadOnlyDictionary<string, object> bound)
        => [.. _parameters.Where(parameter => bound.TryGetValue(parameter.Name, out object? value) && value is not SwitchParameter { IsPresent: false })];

    private string[] Possible(Parameter[] given) => [.. _names.Where(name => given.All(parameter => parameter.IsPartOf(name)))];

    private Parameter[] Missing(string name, Parameter[] given, bool expectsInput)
        => [.. _parameters.Where(parameter => parameter.IsRequiredIn(name) && !given.Contains(parameter) && !(expectsInput && parameter.TakesInput))];

    /// <summary>Two of the parameters if two exclude each other, else all that belong only to certain ways.</summary>
    private string[] FindConflict(Parameter[] given)
    {
        HashSet<string> names = [.. given.Select(parameter => parameter.Name)];
        (string first, string second) = Exclusive.FirstOrDefault(pair => names.Contains(pair.First) && names.Contains(pair.Second));
        return first is not null ? [first, second] : [.. given.Where(parameter => !_names.All(parameter.IsPartOf)).Select(parameter => parameter.Name)];
    }

    private static bool IsEmpty(object? value) => value is null or ICollection { Count: 0 };

    private sealed record Parameter(string Name, UsageAttribute[] Usages, bool TakesInput, bool TakesAnyInput)
    {
        public bool IsEverRequired => Usages.Any(usage => usage.IsRequired);

        public static Parameter Of(PropertyInfo property)
        {
            ParameterAttribute[] attributes = [.. property.GetCustomAttributes<ParameterAttribute>()];
            return new Parameter(
                property.Name,
                [.. property.GetCustomAttributes<UsageAttribute>()],
                attributes.Any(attribute => attribute.ValueFromPipeline || attribute.ValueFromPipelineByPropertyName),
                attributes.Any(attribute => attribute.ValueFromPipeline && !attribute.ValueFromPipelineByPropertyName));
        }

        public bool IsPartOf(string usage) => Usages.Length == 0 || Usages.Any(own => own.Name is null || own.Name == usage);

        public bool IsRequiredIn(string usage) => Usages.Any(own => own.IsRequired && (own.Name is null || own.Name == usage));
    }
}
