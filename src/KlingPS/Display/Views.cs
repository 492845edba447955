using System.Management.Automation;

namespace KlingPS.Display;

/// <summary>
/// The views and default properties of what commands emit. They are loaded when the first command of a runspace emits something that has
/// any, not by the manifest: PowerShell takes twice as long to import a module that names any. Videos are files, which need none.
/// </summary>
internal static class Views
{
    private const string Script = "param($types, $formats, $updateTypes, $updateFormats) & $updateTypes -AppendPath $types -ErrorAction Stop; & $updateFormats -AppendPath $formats -ErrorAction Stop";

    /// <summary>Loads them. A shell that does not allow that prints objects in its own way.</summary>
    /// <param name="commands">Runs scripts in the runspace.</param>
    /// <returns>Why they could not be loaded; <see langword="null"/> if they were.</returns>
    public static string? TryLoad(CommandInvocationIntrinsics commands)
    {
        string folder = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(Views).Assembly.Location)!, ".."));
        string types = Path.Combine(folder, "KlingPS.Types.ps1xml");
        string formats = Path.Combine(folder, "KlingPS.Format.ps1xml");
        if (!File.Exists(formats))
        {
            return null;
        }

        try
        {
            commands.InvokeScript(Script, useNewScope: true, System.Management.Automation.Runspaces.PipelineResultTypes.None, input: null, types, formats, Find("Update-TypeData"), Find("Update-FormatData"));
            return null;
        }
        catch (RuntimeException exception) when (exception is not PipelineStoppedException)
        {
            return $"The views of KlingPS could not be loaded: {exception.Message}";
        }
    }

    /// <summary>
    /// One of PowerShell's own commands, as <c>&amp;</c> takes it. By its name alone it would be looked for in all folders of the search path, and then
    /// among the modules, which takes longer than the views themselves.
    /// </summary>
    private static object Find(string name)
        => Type.GetType($"Microsoft.PowerShell.Commands.{name.Replace("-", string.Empty, StringComparison.Ordinal)}Command, Microsoft.PowerShell.Commands.Utility") is Type type
            ? new CmdletInfo(name, type)
            : name;
}
