using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core.Configuration;

namespace KlingPS.Commands;

/// <summary>Shows the settings in force, each with its source.</summary>
[Cmdlet(VerbsCommon.Get, "KlingConfiguration")]
[OutputType(typeof(KlingConfiguration))]
public sealed class GetKlingConfigurationCommand : KlingCommand
{
    /// <inheritdoc/>
    private protected override void OnProcess() => WriteObject(Context.Settings.Current);
}
