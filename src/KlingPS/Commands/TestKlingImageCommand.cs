using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Imaging;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Tells whether the service would take a file as an image. Reads only its header; sends nothing.</summary>
[Cmdlet(VerbsDiagnostic.Test, "KlingImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(bool), typeof(ImageReport))]
public sealed class TestKlingImageCommand : ImagePathCommand
{
    /// <summary>Emits what was found out about the file, instead of true or false.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <summary>Looks at the files.</summary>
    protected override void ProcessRecord()
    {
        foreach (string path in ResolveImagePaths())
        {
            try
            {
                ImageReport report = Await(token => ImageInspector.InspectAsync(path, token));
                WriteObject(Detailed ? report : report.IsSupported);
            }
            catch (KlingException exception)
            {
                WriteError(exception, path);
            }
        }
    }
}
