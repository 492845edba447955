using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;
using KlingPS.Hosting;

namespace KlingPS.Commands;

/// <summary>Tells what videos of these images would cost, before anything is paid. Local; sends nothing.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "KlingVideoCost")]
[OutputType(typeof(VideoCostEstimate))]
public sealed class MeasureKlingVideoCostCommand : VideoCommand
{
    private const int MaxInHand = 8;

    private readonly Batch<VideoSpec, VideoCostEstimate> _batch;
    private VideoCostEstimate _sum = new() { Count = 0, Seconds = 0, Credits = 0 };

    /// <summary>Creates the command.</summary>
    public MeasureKlingVideoCostCommand()
    {
        _batch = Use(new Batch<VideoSpec, VideoCostEstimate>(this, () => OrderedStage.Create<VideoSpec, VideoCostEstimate>(MaxInHand, MeasureAsync))
        {
            Emit = Add,
            Target = outcome => outcome.Item.Subject,
        });
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        if (HasNoImagePath)
        {
            _batch.Feed(ToSpec(null, prompt: null));
            return;
        }

        foreach (string path in ResolveImagePaths())
        {
            _batch.Feed(ToSpec(MediaSource.FromFile(path), prompt: null));
        }
    }

    /// <inheritdoc/>
    private protected override void OnEnd() => WriteObject(_sum);

    private static async Task<VideoCostEstimate> MeasureAsync(VideoSpec spec, CancellationToken cancellationToken)
    {
        ModelSpec model = ModelCatalog.Get(spec.Model);
        model.Validate(spec with { Prompt = "-" });
        decimal credits = model.GetCredits(spec)
            ?? throw new KlingException(ErrorKind.RequestInvalid, $"The price of the model '{spec.Model}' is not known here. Prices are known of: {string.Join(", ", ModelCatalog.All.Select(known => known.Id))}.");
        foreach ((_, MediaSource source) in spec.Sources.Where(source => source.Source.IsFile))
        {
            model.Validate((await ImageInspector.InspectAsync(source.Path!, cancellationToken).ConfigureAwait(false)).EnsureSupported());
        }

        return new VideoCostEstimate { Count = 1, Seconds = spec.Seconds, Credits = credits };
    }

    private void Add(VideoCostEstimate one)
        => _sum = new() { Count = _sum.Count + one.Count, Seconds = _sum.Seconds + one.Seconds, Credits = _sum.Credits + one.Credits };
}
