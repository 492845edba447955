using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Stops the sandbox. Its tasks and videos are gone with it.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KlingSandbox", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopKlingSandboxCommand : KlingCommand
{
    /// <summary>The sandbox; that of the session when it is left out.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    public KlingSandbox? InputObject { get; set; }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        if (InputObject is not null && !(Connection.Sandbox.IsRunning && Connection.Sandbox.Describe().Endpoint == InputObject.Endpoint))
        {
            // To stop one that is stopped is no error.
            if (InputObject.IsRunning)
            {
                WriteError(new KlingException(ErrorKind.SandboxNotRunning, $"The sandbox at {InputObject} belongs to another session. Stop it there."), InputObject);
            }

            return;
        }

        if (Connection.Sandbox.IsRunning && ShouldProcess(Connection.Sandbox.Describe().ToString(), "Stop the sandbox"))
        {
            Connection.StopSandbox();
        }
    }
}
