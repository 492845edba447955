using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using KlingPS.Core.Gallery;
using KlingPS.Core.Saving;

namespace KlingPS.Parameters;

/// <summary>Completes name templates: the text typed so far, with one more token.</summary>
public sealed class NameTemplateCompleter : IArgumentCompleter
{
    /// <summary>The template typed so far, with each token that may follow.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? string.Empty).Trim('\'', '"');
        int open = typed.LastIndexOf('{');
        bool isInToken = open > typed.LastIndexOf('}');
        string before = isInToken ? typed[..open] : typed;
        string start = isInToken ? typed[(open + 1)..] : string.Empty;
        foreach (string token in NameTemplate.KnownTokens.Where(token => token.StartsWith(start, StringComparison.OrdinalIgnoreCase)))
        {
            string text = $"{before}{{{token}}}";
            yield return new CompletionResult(PowerShellText.Quote(text), text, CompletionResultType.ParameterValue, $"{{{token}}}");
        }
    }
}
