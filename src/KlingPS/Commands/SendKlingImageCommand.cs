using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Hosting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Uploads images to where the service can fetch them. Uploading is free; an upload is kept for 24 hours.</summary>
[Cmdlet(VerbsCommunications.Send, "KlingImage", SupportsShouldProcess = true)]
[OutputType(typeof(KlingUpload))]
public sealed class SendKlingImageCommand : ImagePathCommand
{
    private const int MaxInHand = 8;

    private readonly Batch<string, KlingUpload> _batch;

    /// <summary>Creates the command.</summary>
    public SendKlingImageCommand()
    {
        _batch = Use(new Batch<string, KlingUpload>(this, CreateStage) { Verb = "uploaded", IsOrdered = true });
    }

    /// <summary>Uploads even if the same content was uploaded in the last hours.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>How long the command may take, as seconds or as a time span, from its first image on; without end when it is left out.</summary>
    [Parameter]
    [Seconds]
    [ValidateRange(0.001, 10_000_000.0)]
    public double? Timeout { get; set; }

    /// <inheritdoc/>
    private protected override double? TimeLimit => Timeout;

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Uploading images";

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        foreach (string path in ResolveImagePaths())
        {
            if (ShouldProcess(path, "Upload"))
            {
                _batch.Feed(path);
            }
        }
    }

    private ConcurrentStage<string, Outcome<string, KlingUpload>> CreateStage()
    {
        var uploader = new ImageUploader(Context.Service);
        bool force = Force;
        Deadline deadline = Own(Context.CreateDeadline(Timeout));
        return OrderedStage.Create<string, KlingUpload>(
            MaxInHand,
            async (path, token) => KlingUpload.From(await deadline.RunAsync(
                $"'{path}'", "was not uploaded", inTime => uploader.UploadAsync(path, force, inTime), token).ConfigureAwait(false)));
    }
}
