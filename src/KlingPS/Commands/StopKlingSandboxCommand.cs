using System.Management.Automation;

namespace KlingPS.Commands;

/// <summary>Stops the sandbox. Its tasks and videos are gone with it.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KlingSandbox", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopKlingSandboxCommand : KlingCommand
{
    /// <summary>Stops it, and disconnects from it. Doing it twice is no error.</summary>
    protected override void ProcessRecord()
    {
        if (Connection.Sandbox.IsRunning && ShouldProcess(Connection.Sandbox.Describe().ToString(), "Stop the sandbox"))
        {
            Connection.StopSandbox();
        }
    }
}
