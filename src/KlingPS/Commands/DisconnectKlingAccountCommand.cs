using System.Management.Automation;

namespace KlingPS.Commands;

/// <summary>Forgets the key, and stops the session's sandbox.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "KlingAccount")]
[OutputType(typeof(void))]
public sealed class DisconnectKlingAccountCommand : KlingCommand
{
    /// <summary>Disconnects. Doing it twice is no error.</summary>
    protected override void ProcessRecord() => Connection.Disconnect();
}
