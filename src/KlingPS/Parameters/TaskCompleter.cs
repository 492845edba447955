using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;
using KlingPS.Display;
using KlingPS.Sessions;

namespace KlingPS.Parameters;

/// <summary>
/// Completes the ids of tasks of the account in use, newest first: the service's for the parameter TaskId, the local ones for Id, and
/// both for InputObject. Reads the ledger if there is one, and does nothing else.
/// </summary>
public sealed class TaskCompleter : IArgumentCompleter
{
    private const int Limit = 50;

    /// <summary>The ids that begin with the text typed so far, with image and state; none if anything is wrong.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        try
        {
            string word = (wordToComplete ?? string.Empty).Trim('\'', '"');
            bool takesLocal = !parameterName.Equals("TaskId", StringComparison.OrdinalIgnoreCase);
            bool takesService = !takesLocal || (word.Length > 0 && parameterName.Equals("InputObject", StringComparison.OrdinalIgnoreCase));

            // Only unknown tasks can be resolved, and only finished videos can be taken elsewhere.
            KlingTaskState? state = !commandName.Contains("Resolve-", StringComparison.OrdinalIgnoreCase) ? null
                : fakeBoundParameters?.Contains("TakenElsewhere") == true ? KlingTaskState.Succeeded
                : KlingTaskState.Unknown;
            return FindAsync(word, takesLocal, takesService, state).GetAwaiter().GetResult();
        }
        catch (Exception)
        {
            // A user who presses Tab has not asked for an error.
            return [];
        }
    }

    private static async Task<IReadOnlyList<CompletionResult>> FindAsync(string word, bool takesLocal, bool takesService, KlingTaskState? state)
    {
        Core.Sessions.KlingSession? session = RunspaceConnection.Current.Session;
        using TaskSuggestions? suggestions = await Ledgers.OpenReadOnlyAsync(session?.Ledger.Location).ConfigureAwait(false);
        if (suggestions is null)
        {
            return [];
        }

        IReadOnlyList<KlingVideoTask> local = takesLocal ? await suggestions.ListByIdAsync(session?.Account, state, word, Limit).ConfigureAwait(false) : [];
        IReadOnlyList<KlingVideoTask> service = takesService ? await suggestions.ListByTaskIdAsync(session?.Account, word, Limit).ConfigureAwait(false) : [];
        return
        [
            .. local.Select(task => Suggest(task.Id.ToString(CultureInfo.InvariantCulture), task)),
            .. service.Select(task => Suggest(ServiceTaskId.Quote(task.TaskId!), task)),
        ];
    }

    private static CompletionResult Suggest(string id, KlingVideoTask task)
        => new(id, id, CompletionResultType.ParameterValue, $"{TaskDisplay.Source(new PSObject(task))}, {task.State}");
}
