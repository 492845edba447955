using System.Management.Automation;
using System.Reflection;

namespace KlingPS.Tests.Hosting;

/// <summary>Emits the first object and ends the commands before it as Select-Object -First does, whose module the hosted engine does not have.</summary>
[Cmdlet(VerbsCommon.Select, "First")]
public sealed class SelectFirstCommand : PSCmdlet
{
    private static readonly Type s_stop = typeof(PSCmdlet).Assembly.GetType("System.Management.Automation.StopUpstreamCommandsException", throwOnError: true)!;

    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    protected override void ProcessRecord()
    {
        WriteObject(InputObject);
        throw (Exception)Activator.CreateInstance(s_stop, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, binder: null, [this], culture: null)!;
    }
}
