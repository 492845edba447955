using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Shows the sandbox and its bill: what requests it received, and what they would have cost.</summary>
[Cmdlet(VerbsCommon.Get, "KlingSandbox")]
[OutputType(typeof(KlingSandbox))]
public sealed class GetKlingSandboxCommand : KlingCommand
{
    /// <inheritdoc/>
    private protected override void OnProcess()
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
