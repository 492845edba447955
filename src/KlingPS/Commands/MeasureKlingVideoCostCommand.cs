using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Tells what videos of these images would cost, before anything is paid. Local; sends nothing.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "KlingVideoCost")]
[OutputType(typeof(VideoCostEstimate))]
public sealed class MeasureKlingVideoCostCommand : ImagePathCommand
{
    private int _count;
    private int _seconds;
    private decimal _credits;

    /// <summary>The length of each video in seconds: 5 or 10.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankAs(KlingModel.DefaultDuration)]
    [ValidateSet("5", "10")]
    public int Duration { get; set; } = KlingModel.DefaultDuration;

    /// <summary>The model's id.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public string Model { get; set; } = KlingModel.Default;

    /// <summary>Counts the images that the service would take.</summary>
    protected override void ProcessRecord()
    {
        foreach (string path in ResolveImagePaths())
        {
            try
            {
                decimal credits = KlingModel.CreditsFor(Model, Duration)
                    ?? throw new KlingException(ErrorKind.RequestInvalid, $"What the model '{Model}' costs is not known here. Known are: {string.Join(", ", KlingModel.Known)}.");
                Await(token => ImageInspector.InspectAsync(path, token)).EnsureSupported();
                _count++;
                _seconds += Duration;
                _credits += credits;
            }
            catch (KlingException exception)
            {
                WriteError(exception, path);
            }
        }
    }

    /// <summary>Emits the sum.</summary>
    protected override void EndProcessing() => WriteObject(new VideoCostEstimate { Count = _count, Seconds = _seconds, Credits = _credits });
}
