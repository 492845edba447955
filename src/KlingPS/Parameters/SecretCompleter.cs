using System.Collections;
using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using KlingPS.Core;

namespace KlingPS.Parameters;

/// <summary>Completes the names of secrets, and those of vaults if the parameter is called Vault, when SecretManagement is installed.</summary>
public sealed class SecretCompleter : IArgumentCompleter
{
    /// <summary>A vault may be on the network.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>The names that begin with the text typed so far; none if anything is wrong.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string pattern = WildcardPattern.Escape((wordToComplete ?? string.Empty).Trim('\'', '"')) + "*";
        bool isVault = parameterName.Equals("Vault", StringComparison.OrdinalIgnoreCase);
        try
        {
            return [.. Search(isVault ? "Get-SecretVault" : "Get-SecretInfo", pattern, isVault ? null : fakeBoundParameters?["Vault"] as string)
                .Select(item => (Name: Text(item, "Name"), Place: Text(item, isVault ? "ModuleName" : "VaultName")))
                .Where(item => item.Name.Length > 0)
                .Select(item => new CompletionResult(
                    Quote(item.Name),
                    VisibleText.InLine(item.Name),
                    CompletionResultType.ParameterValue,
                    VisibleText.InLine(item.Place.Length > 0 ? $"{item.Name} ({item.Place})" : item.Name)))];
        }
        catch (Exception)
        {
            // A user who presses Tab has not asked for an error.
            return [];
        }
    }

    private static Collection<PSObject> Search(string command, string pattern, string? vault)
    {
        // A runspace without a user: a locked vault could otherwise ask for its password in the middle of a line.
        Runspace runspace = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
        var shell = PowerShell.Create();
        try
        {
            runspace.Open();
            shell.Runspace = runspace;
            shell.AddCommand(command).AddParameter("Name", pattern);
            if (vault is not null)
            {
                shell.AddParameter("Vault", vault);
            }

            IAsyncResult search = shell.BeginInvoke();
            return search.AsyncWaitHandle.WaitOne(s_patience) ? [.. shell.EndInvoke(search)] : [];
        }
        finally
        {
            // Stopping a vault that does not respond may take any length of time.
            _ = Task.Run(() =>
            {
                shell.Dispose();
                runspace.Dispose();
            });
        }
    }

    private static string Text(PSObject item, string property) => item.Properties[property]?.Value?.ToString() ?? string.Empty;

    private static string Quote(string name)
        => name.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.') ? name : $"'{CodeGeneration.EscapeSingleQuotedStringContent(name)}'";
}
