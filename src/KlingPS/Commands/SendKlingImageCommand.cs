using System.Management.Automation;
using KlingPS.Bridge;
using KlingPS.Core;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Uploads images to where the service can fetch them. Uploading is free; an upload lives 24 hours.</summary>
[Cmdlet(VerbsCommunications.Send, "KlingImage", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(KlingUpload))]
public sealed class SendKlingImageCommand : ImagePathCommand
{
    private const int MaxInHand = 8;

    private readonly StagePump<string, Outcome<string, KlingUpload>> _pump;
    private int _fed;
    private int _sent;

    /// <summary>Creates the command.</summary>
    public SendKlingImageCommand()
    {
        _pump = new(this, CreateStage, Emit);
    }

    /// <summary>Uploads even if the same content was uploaded in the last hours.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Uploading images";

    /// <summary>Takes the next images and emits the uploads that are done.</summary>
    protected override void ProcessRecord()
    {
        foreach (string path in ResolveImagePaths())
        {
            if (ShouldProcess(path, "Upload"))
            {
                _fed++;
                _pump.Feed(path);
            }
        }
    }

    /// <summary>Emits the uploads that are still to come.</summary>
    protected override void EndProcessing()
    {
        _pump.Finish();
        Progress.Complete();
    }

    private ConcurrentStage<string, Outcome<string, KlingUpload>> CreateStage()
    {
        var uploader = new ImageUploader(GetService());
        return new ConcurrentStage<string, Outcome<string, KlingUpload>>(
            async (path, token) =>
            {
                try
                {
                    return new(path, KlingUpload.From(await uploader.UploadAsync(path, Force, token).ConfigureAwait(false)), null);
                }
                catch (KlingException exception)
                {
                    return new(path, null, exception);
                }
            },
            MaxInHand,
            inOrder: true);
    }

    private void Emit(Outcome<string, KlingUpload> result)
    {
        if (result.Error is KlingException error)
        {
            WriteErrorOrEnd(error, result.Item);
            return;
        }

        _sent++;
        Progress.Show($"{_sent} of {_fed} uploaded", _sent * 100 / Math.Max(_fed, 1));
        WriteObject(result.Value);
    }
}
