using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core.Imaging;
using KlingPS.Hosting;

namespace KlingPS.Commands;

/// <summary>Tells whether the service would take a file as an image. Reads only its header; sends nothing.</summary>
[Cmdlet(VerbsDiagnostic.Test, "KlingImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(bool), typeof(ImageReport))]
public sealed class TestKlingImageCommand : ImagePathCommand
{
    private const int MaxInHand = 8;

    private readonly Batch<string, ImageReport> _batch;

    /// <summary>Creates the command.</summary>
    public TestKlingImageCommand()
    {
        _batch = Use(new Batch<string, ImageReport>(this, () => OrderedStage.Create<string, ImageReport>(MaxInHand, ImageInspector.InspectAsync))
        {
            Emit = report => WriteObject(Detailed ? report : report.IsSupported),
        });
    }

    /// <summary>Emits what was found out about the file, instead of true or false.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        foreach (string path in ResolveImagePaths())
        {
            _batch.Feed(path);
        }
    }
}
