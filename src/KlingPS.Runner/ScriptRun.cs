using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;

namespace KlingPS.Runner;

/// <summary>One run of one script in a runspace of its own, shown on the console.</summary>
internal sealed class ScriptRun : IDisposable
{
    /// <summary>What a shell reports for a process that Ctrl+C has ended: 128 and the number of the signal.</summary>
    private const int StoppedByUser = 130;

    private readonly string _script;
    private readonly ConsoleHost _host = new();
    private readonly Runspace _runspace;
    private readonly PowerShell _powerShell;
    private bool _stopping;

    /// <summary>Opens the engine; the script does not run yet.</summary>
    /// <param name="script">The absolute path of the script.</param>
    /// <param name="parameters">The script's arguments.</param>
    public ScriptRun(string script, IEnumerable<CommandParameter> parameters)
    {
        _script = script;
        _runspace = RunspaceFactory.CreateRunspace(_host, InitialSessionState.CreateDefault2());
        _runspace.Open();
        _powerShell = PowerShell.Create(_runspace);

        var command = new Command(Path.GetFileName(script));
        foreach (CommandParameter parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        // As the shell's own host does: errors take their turn among the output, and Out-Default renders both.
        command.MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        _powerShell.Commands.AddCommand(command).AddCommand("Out-Default");
    }

    /// <summary>Runs the script to its end.</summary>
    /// <returns>The exit code of the process.</returns>
    public int Invoke()
    {
        try
        {
            DefineScript();
            _powerShell.Invoke();

            // The engine ends a stopped script with or without an exception.
            return _stopping ? StoppedByUser : _host.ExitCode ?? 0;
        }
        catch (PipelineStoppedException)
        {
            return StoppedByUser;
        }
        catch (RuntimeException e)
        {
            ShowTerminatingError(e.ErrorRecord);
            return 1;
        }
        finally
        {
            _host.Console.Progress.Clear();
        }
    }

    /// <summary>Asks the script to stop. It ends as soon as its <c>finally</c> blocks have run.</summary>
    /// <returns>Whether this was the first time of asking.</returns>
    public bool TryStop()
    {
        if (Interlocked.Exchange(ref _stopping, true))
        {
            return false;
        }

        _powerShell.BeginStop(null, null);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _powerShell.Dispose();
        _runspace.Dispose();
    }

    /// <summary>
    /// Makes the script a function that carries its file. Of a script run by its path only <c>$LASTEXITCODE</c> would be
    /// left, which does not tell the script's <c>exit</c> from a failed program somewhere in it; from here <c>exit</c> reaches the host.
    /// </summary>
    private void DefineScript()
    {
        ScriptBlockAst syntax = Parser.ParseFile(_script, out _, out ParseError[] errors);
        if (errors.Length > 0)
        {
            throw new ParseException(errors);
        }

        _runspace.SessionStateProxy.InvokeProvider.Item.Set("function:" + WildcardPattern.Escape(Path.GetFileName(_script)), syntax.GetScriptBlock());
    }

    private void ShowTerminatingError(ErrorRecord error)
    {
        using var show = PowerShell.Create(_runspace);
        _host.Console.OutputIsError = true;
        show.AddCommand("Out-Default").Invoke(new[] { error });
    }
}
