using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Configuration;

namespace KlingPS.Commands;

/// <summary>Shows the settings in force, each with where it comes from.</summary>
[Cmdlet(VerbsCommon.Get, "KlingConfiguration")]
[OutputType(typeof(KlingConfiguration))]
public sealed class GetKlingConfigurationCommand : KlingCommand
{
    /// <summary>Reads environment and configuration file.</summary>
    protected override void ProcessRecord()
    {
        try
        {
            WriteObject(KlingConfiguration.Load());
        }
        catch (KlingException exception)
        {
            ThrowTerminatingError(exception, null);
        }
    }
}
