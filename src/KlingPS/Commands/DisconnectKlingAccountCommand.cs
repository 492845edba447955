using System.Management.Automation;
using KlingPS.Commands.Base;

namespace KlingPS.Commands;

/// <summary>Forgets the key, and stops the session's sandbox.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "KlingAccount")]
[OutputType(typeof(void))]
public sealed class DisconnectKlingAccountCommand : KlingCommand
{
    /// <inheritdoc/>
    private protected override void OnProcess() => Connection.Disconnect();
}
