using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using KlingPS.Core.Model;

namespace KlingPS.Parameters;

/// <summary>Completes durations, aspect ratios and resolutions with what the chosen model makes; if none is chosen, it is the default model.</summary>
public sealed class ModelValueCompleter : IArgumentCompleter
{
    /// <summary>The values that begin with the text typed so far, in the order of the model.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string word = (wordToComplete ?? string.Empty).Trim('\'', '"');
        ModelSpec model = ModelCatalog.Get(fakeBoundParameters?["Model"]?.ToString() ?? ModelCatalog.DefaultId);
        return ListValues(model, parameterName)
            .Where(value => value.StartsWith(word, StringComparison.OrdinalIgnoreCase))
            .Select(value => new CompletionResult(value, value, CompletionResultType.ParameterValue, value));
    }

    private static IEnumerable<string> ListValues(ModelSpec model, string parameterName) => parameterName.ToUpperInvariant() switch
    {
        "DURATION" => model.Durations.Select(seconds => seconds.ToString(CultureInfo.InvariantCulture)),
        "ASPECTRATIO" => model.AspectRatios,
        "RESOLUTION" => model.Resolutions,
        "CHARACTERORIENTATION" when model.Takes(VideoParameter.CharacterOrientation) => CharacterOrientations.All,
        _ => [],
    };
}
