using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace KlingPS.Tests.Hosting;

/// <summary>A runspace of the real engine with the module imported.</summary>
internal sealed class HostedShell : IDisposable
{
    private readonly Runspace _runspace;

    /// <summary>Opens the runspace.</summary>
    /// <param name="host">What it shows things on; nothing when it is left out.</param>
    public HostedShell(PSHost? host = null)
    {
        var state = InitialSessionState.CreateDefault2();

        // A tenth of the time of all these tests would go into PowerShell's own views, which none of them shows.
        state.Formats.Clear();

        // What is installed on the machine, such as a secret store, is none of the tests' business.
        state.Variables.Add(new SessionStateVariableEntry("PSModuleAutoLoadingPreference", "None", null));
        state.ImportPSModule([Path.Combine(AppContext.BaseDirectory, "KlingPS.dll")]);
        _runspace = host is null ? RunspaceFactory.CreateRunspace(state) : RunspaceFactory.CreateRunspace(host, state);
        _runspace.Open();
    }

    /// <summary>Starts a script.</summary>
    /// <param name="script">The script; it runs in the global scope, so variables stay.</param>
    /// <param name="variables">An object whose properties become variables.</param>
    public RunningScript Start(string script, object? variables = null)
    {
        foreach (PropertyInfo variable in variables?.GetType().GetProperties() ?? [])
        {
            _runspace.SessionStateProxy.SetVariable(variable.Name, variable.GetValue(variables));
        }

        return new RunningScript(_runspace, script);
    }

    /// <summary>Runs a script to its end.</summary>
    public async Task<ShellResult> RunAsync(string script, object? variables = null)
    {
        using RunningScript running = Start(script, variables);
        return await running.Completion;
    }

    public void Dispose() => _runspace.Dispose();
}
