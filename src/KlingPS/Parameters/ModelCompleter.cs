using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using KlingPS.Core.Model;

namespace KlingPS.Parameters;

/// <summary>Completes the ids of models.</summary>
public sealed class ModelCompleter : IArgumentCompleter
{
    /// <summary>The ids that hold the text typed so far.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string word = (wordToComplete ?? string.Empty).Trim('\'', '"');
        foreach (string model in KlingModel.Known.Where(model => model.Contains(word, StringComparison.OrdinalIgnoreCase)))
        {
            string price = KlingModel.CreditsFor(model, KlingModel.DefaultDuration) is decimal credits ? $"{credits:0} credits for 5 seconds" : model;
            yield return new CompletionResult(model, model, CompletionResultType.ParameterValue, price);
        }
    }
}
