using System.Management.Automation;

namespace KlingPS.Display;

/// <summary>
/// The views and default properties of what commands emit. They are loaded when the first command of a runspace begins and not
/// by the manifest: PowerShell takes twice as long to import a module that has some.
/// </summary>
internal static class Views
{
    private const string Script = "param($types, $formats) Update-TypeData -AppendPath $types -ErrorAction Stop; Update-FormatData -AppendPath $formats -ErrorAction Stop";

    /// <summary>Loads them. A shell that does not allow it prints what it is given in its own way.</summary>
    public static void Load(PSCmdlet command)
    {
        string folder = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(Views).Assembly.Location)!, ".."));
        string types = Path.Combine(folder, "KlingPS.Types.ps1xml");
        string formats = Path.Combine(folder, "KlingPS.Format.ps1xml");
        if (!File.Exists(formats))
        {
            return;
        }

        try
        {
            command.InvokeCommand.InvokeScript(Script, useNewScope: true, System.Management.Automation.Runspaces.PipelineResultTypes.None, input: null, types, formats);
        }
        catch (RuntimeException exception)
        {
            command.WriteVerbose($"The views of KlingPS could not be loaded: {exception.Message}");
        }
    }
}
