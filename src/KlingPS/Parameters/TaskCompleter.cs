using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Display;
using KlingPS.Sessions;

namespace KlingPS.Parameters;

/// <summary>
/// Completes the numbers of tasks, and their ids at the service where the parameter is called TaskId: those of the account in use,
/// newest first. Reads the ledger if there is one, and does nothing else.
/// </summary>
public sealed class TaskCompleter : IArgumentCompleter
{
    private const int Limit = 50;

    /// <summary>The ids that begin with the text typed so far, with image and state; none when anything is wrong.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        try
        {
            bool isTaskId = parameterName.Equals("TaskId", StringComparison.OrdinalIgnoreCase);
            return [.. Find(isTaskId, commandName, (wordToComplete ?? string.Empty).Trim('\'', '"')).Select(task => Suggest(task, isTaskId))];
        }
        catch (Exception)
        {
            // Whoever presses Tab has not asked for an error.
            return [];
        }
    }

    private static IReadOnlyList<KlingVideoTask> Find(bool isTaskId, string commandName, string word)
    {
        Core.Sessions.KlingSession? session = RunspaceConnection.Current.Session;
        string path = session?.Ledger.Location ?? LedgerLocation.Resolve(ConfigurationFile.Read(ConfigurationFile.Locate()).LedgerPath);
        if (!File.Exists(path))
        {
            return [];
        }

        // Only what is unknown can be settled.
        KlingTaskState? state = commandName.Contains("Resolve-", StringComparison.OrdinalIgnoreCase) ? KlingTaskState.Unknown : null;
        return FindAsync().GetAwaiter().GetResult();

        async Task<IReadOnlyList<KlingVideoTask>> FindAsync()
        {
            using TaskSuggestions suggestions = await SqliteLedger.OpenReadOnlyAsync(path).ConfigureAwait(false);
            return await (isTaskId
                ? suggestions.ListByTaskIdAsync(session?.Account, word, Limit)
                : suggestions.ListByIdAsync(session?.Account, state, word, Limit)).ConfigureAwait(false);
        }
    }

    private static CompletionResult Suggest(KlingVideoTask task, bool isTaskId)
    {
        string id = isTaskId ? task.TaskId! : task.Id.ToString(CultureInfo.InvariantCulture);
        return new CompletionResult(id, id, CompletionResultType.ParameterValue, $"{TaskDisplay.Source(new PSObject(task))}, {task.State}");
    }
}
