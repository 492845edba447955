using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using KlingPS.Core.Model;

namespace KlingPS.Parameters;

/// <summary>Completes the ids of models.</summary>
public sealed class ModelCompleter : IArgumentCompleter
{
    /// <summary>The ids that contain the text typed so far.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string word = (wordToComplete ?? string.Empty).Trim('\'', '"');
        foreach (ModelSpec model in ModelCatalog.All.Where(model => model.Id.Contains(word, StringComparison.OrdinalIgnoreCase)))
        {
            string price = new VideoSpec { Model = model.Id, Prompt = null }.GetCredits() is decimal credits
                ? string.Create(CultureInfo.InvariantCulture, $"{credits:0.##} credits for {VideoSpec.DefaultDuration} seconds")
                : model.Id;
            yield return new CompletionResult(model.Id, model.Id, CompletionResultType.ParameterValue, price);
        }
    }
}
