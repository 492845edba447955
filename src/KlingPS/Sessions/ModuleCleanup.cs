using System.Management.Automation;

namespace KlingPS.Sessions;

/// <summary>Forgets the key and stops the sandbox when the module is removed.</summary>
public sealed class ModuleCleanup : IModuleAssemblyCleanup
{
    /// <summary>Called by PowerShell on the runspace that removes the module.</summary>
    /// <param name="psModuleInfo">The module.</param>
    public void OnRemove(PSModuleInfo psModuleInfo) => RunspaceConnection.Current.Disconnect();
}
