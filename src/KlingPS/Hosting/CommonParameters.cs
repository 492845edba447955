using System.Management.Automation;

namespace KlingPS.Hosting;

/// <summary>Which of PowerShell's common parameters are in force for a command: as given, else according to their preference variable.</summary>
internal sealed class CommonParameters
{
    private readonly IDictionary<string, object> _bound;
    private readonly PSVariableIntrinsics _variables;

    /// <summary>Creates the reader.</summary>
    /// <param name="bound">The parameters that were given.</param>
    /// <param name="variables">The variables of the caller.</param>
    public CommonParameters(IDictionary<string, object> bound, PSVariableIntrinsics variables)
    {
        _bound = bound;
        _variables = variables;
    }

    /// <summary>Whether verbose messages are shown.</summary>
    public bool IsVerbose => IsSet("Verbose", IsShown);

    /// <summary>Whether debug messages are shown.</summary>
    public bool IsDebug => IsSet("Debug", IsShown);

    /// <summary>Whether the command only says what it would do.</summary>
    public bool IsWhatIf => IsSet("WhatIf", LanguagePrimitives.IsTrue);

    /// <summary>Whether the user wants no progress bars.</summary>
    public bool IsProgressSilent => FindAction("Progress") is object wanted && !IsShown(wanted);

    /// <summary>Whether the first error that is written ends the command.</summary>
    public bool StopsAtErrors => Is(FindAction("Error"), ActionPreference.Stop);

    /// <summary>Whether the user is asked before something of medium impact is done.</summary>
    public bool IsConfirmed => IsSet("Confirm", _ => _variables.GetValue("ConfirmPreference") is ConfirmImpact and not ConfirmImpact.None and <= ConfirmImpact.Medium);

    /// <summary>What the user wants done with a stream: the parameters are called ProgressAction and ErrorAction, the variables ProgressPreference and ErrorActionPreference.</summary>
    private object? FindAction(string stream)
        => _bound.TryGetValue(stream + "Action", out object? given) ? given : _variables.GetValue(stream + (stream == "Error" ? "ActionPreference" : "Preference"));

    private bool IsSet(string name, Func<object?, bool> isPreferred)
        => _bound.TryGetValue(name, out object? given)
            ? given is SwitchParameter { IsPresent: true }
            : isPreferred(_variables.GetValue(name + "Preference"));

    private static bool IsShown(object? preference)
        => preference is not null && !Is(preference, ActionPreference.SilentlyContinue) && !Is(preference, ActionPreference.Ignore);

    /// <summary>A preference may be text, as users write it.</summary>
    private static bool Is(object? preference, ActionPreference action) => string.Equals(preference?.ToString(), action.ToString(), StringComparison.OrdinalIgnoreCase);
}
