using System.Management.Automation;

namespace KlingPS.Tests.Help;

/// <summary>A cmdlet with one of everything that help shows.</summary>
[Cmdlet(VerbsCommon.Set, "Gadget", SupportsShouldProcess = true, DefaultParameterSetName = "Path")]
public sealed class SetGadgetCommand : PSCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = "Path")]
    [SupportsWildcards]
    public string[]? Path { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "Id")]
    [Alias("Number")]
    public int Id { get; set; }

    [Parameter]
    [ValidateSet("5", "10")]
    public int Duration { get; set; } = 5;

    [Parameter]
    public GadgetKind? Kind { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }
}
