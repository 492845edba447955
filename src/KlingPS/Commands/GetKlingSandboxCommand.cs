using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Shows the sandbox and its bill: what was asked of it, and what it would have cost.</summary>
[Cmdlet(VerbsCommon.Get, "KlingSandbox")]
[OutputType(typeof(KlingSandbox))]
public sealed class GetKlingSandboxCommand : KlingCommand
{
    /// <summary>Emits the sandbox as it stands now.</summary>
    protected override void ProcessRecord()
    {
        try
        {
            WriteObject(Connection.Sandbox.Describe());
        }
        catch (KlingException exception)
        {
            WriteError(exception, null);
        }
    }
}
