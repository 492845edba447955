using System.Management.Automation;
using KlingPS.Commands.Base;

namespace KlingPS.Commands;

/// <summary>Stops the sandbox. Its tasks and videos are gone with it.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KlingSandbox", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopKlingSandboxCommand : KlingCommand
{
    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        if (Connection.Sandbox.IsRunning && ShouldProcess(Connection.Sandbox.Describe().ToString(), "Stop the sandbox"))
        {
            Connection.StopSandbox();
        }
    }
}
