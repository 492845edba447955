using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;
using KlingPS.Hosting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Tells whether the service would take a file as an image. Reads only its header; sends nothing.</summary>
[Cmdlet(VerbsDiagnostic.Test, "KlingImage")]
[OutputType(typeof(bool), typeof(ImageReport))]
public sealed class TestKlingImageCommand : ImagePathCommand
{
    private const int MaxInHand = 8;

    private readonly Batch<(string Path, string? Model), ImageReport> _batch;

    /// <summary>Creates the command.</summary>
    public TestKlingImageCommand()
    {
        _batch = Use(new Batch<(string Path, string? Model), ImageReport>(this, () => OrderedStage.Create<(string Path, string? Model), ImageReport>(MaxInHand, InspectAsync))
        {
            IsOrdered = true,
            Target = outcome => outcome.Item.Path,
            Emit = report => WriteObject(Detailed ? report : report.IsSupported),
        });
    }

    /// <summary>Emits what was found out about the file, instead of true or false.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <summary>The model that the image is for; then its rules apply.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public string? Model { get; set; }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        foreach (string path in ResolveImagePaths())
        {
            _batch.Feed((path, string.IsNullOrWhiteSpace(Model) ? null : Model.Trim()));
        }
    }

    private static async Task<ImageReport> InspectAsync((string Path, string? Model) item, CancellationToken cancellationToken)
    {
        if (item.Model is null)
        {
            return await ImageInspector.InspectAsync(item.Path, cancellationToken).ConfigureAwait(false);
        }

        ModelSpec model = ModelCatalog.Find(item.Model) ?? throw new KlingException(
            ErrorKind.RequestInvalid,
            $"The rules of the model '{item.Model}' are not known, so '{item.Path}' was not tested. Get-KlingModel lists the models whose rules are.");
        return model.Judge(await ImageInspector.InspectAsync(item.Path, model.MaxImageLength, cancellationToken).ConfigureAwait(false));
    }
}
