using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace KlingPS.Hosting;

/// <summary>Runs commands of other modules in the caller's runspace. What they write stays here.</summary>
internal sealed class CommandRunner
{
    private static readonly EnumerationOptions s_inAnyCase = new() { MatchCasing = MatchCasing.CaseInsensitive, AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false };

    private readonly PSHost _host;
    private readonly SessionState _session;
    private readonly bool _isUnattended;

    /// <summary>Creates the runner.</summary>
    /// <param name="host">Decides whether the commands can ask the user anything.</param>
    /// <param name="session">The session whose commands are run.</param>
    /// <param name="isUnattended">Whether nobody is asked even if somebody could answer, as in a scheduled job.</param>
    public CommandRunner(PSHost host, SessionState session, bool isUnattended = false)
    {
        _isUnattended = isUnattended;
        _host = host;
        _session = session;
    }

    /// <summary>Finds a command by its module and its name; a command of another module with the same name must not get a key.</summary>
    /// <remarks>PowerShell takes long to try to import a module that is not there, so it only tries if there is something that may be one.</remarks>
    public CommandInfo? Find(string module, string name)
    {
        const CommandTypes Types = CommandTypes.Cmdlet | CommandTypes.Function;
        string qualified = $@"{module}\{name}";
        return _session.InvokeCommand.GetCommands(qualified, Types, nameIsPattern: false).FirstOrDefault()
            ?? (CanBeInstalled(module, Environment.GetEnvironmentVariable("PSModulePath")) ? _session.InvokeCommand.GetCommand(qualified, Types) : null);
    }

    /// <summary>Whether PowerShell may find a module in the folders of its search path.</summary>
    /// <param name="module">Its name; upper and lower case are the same to PowerShell, on every system.</param>
    /// <param name="folders">The folders, as the variable PSModulePath has them.</param>
    internal static bool CanBeInstalled(string module, string? folders)
    {
        foreach (string folder in (folders ?? string.Empty).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            // A path that only PowerShell can resolve, such as one on a drive of its own, is left to it.
            if (!Path.IsPathFullyQualified(folder) || WildcardPattern.ContainsWildcardCharacters(folder))
            {
                return true;
            }

            try
            {
                if (Directory.EnumerateFileSystemEntries(folder, module + "*", s_inAnyCase).Any())
                {
                    return true;
                }
            }
            catch (DirectoryNotFoundException)
            {
                // Many of the usual folders do not exist.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Runs a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="parameters">Its parameters.</param>
    public CommandResult Run(CommandInfo command, params (string Name, object Value)[] parameters)
    {
        // If the first of several vaults is broken, the secret may still come from the next one, so errors do not stop the command.
        var arguments = parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value);
        arguments["ErrorAction"] = ActionPreference.Continue;
        arguments["WarningAction"] = ActionPreference.SilentlyContinue;
        using var shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        shell.AddScript("param($command, $arguments) & $command @arguments", useLocalScope: true).AddArgument(command).AddArgument(arguments);
        SilentHost? silent = !_isUnattended && HostInteraction.CanAsk(_host) ? null : new SilentHost();
        var errors = _session.PSVariable.GetValue("Error") as ArrayList;
        int before = errors?.Count ?? 0;
        List<PSObject> output = [];
        ErrorRecord? thrown = null;
        try
        {
            output.AddRange(shell.Invoke(null, silent is null ? new PSInvocationSettings() : new PSInvocationSettings { Host = silent }));
        }
        catch (PipelineStoppedException)
        {
            throw;
        }
        catch (RuntimeException exception)
        {
            thrown = exception.ErrorRecord;
        }

        // They are reported once, by this module, or not at all if the key is found elsewhere.
        errors?.RemoveRange(0, Math.Max(errors.Count - before, 0));
        return new CommandResult(output, thrown ?? shell.Streams.Error.FirstOrDefault(), silent?.WasAsked == true);
    }
}

/// <summary>What a command of another module did.</summary>
/// <param name="Output">What it emitted.</param>
/// <param name="Error">Its first error, if it had one.</param>
/// <param name="WasAsked">Whether it asked the user something although nobody can answer.</param>
internal sealed record CommandResult(IReadOnlyList<PSObject> Output, ErrorRecord? Error, bool WasAsked);
