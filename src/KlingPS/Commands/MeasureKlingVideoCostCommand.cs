using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;
using KlingPS.Hosting;
using KlingPS.Sessions;
using KlingPS.Text;

namespace KlingPS.Commands;

/// <summary>Tells what videos of these images would cost, before anything is paid. Local; sends nothing.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "KlingVideoCost")]
[OutputType(typeof(VideoCostEstimate))]
public sealed class MeasureKlingVideoCostCommand : VideoCommand
{
    private const int MaxInHand = 8;

    private readonly Batch<VideoSpec, VideoCostEstimate> _batch;
    private PaidVideos? _paid;
    private bool _hasRefused;
    private VideoCostEstimate _sum = new() { Count = 0, Seconds = 0, Credits = 0 };

    /// <summary>Creates the command.</summary>
    public MeasureKlingVideoCostCommand()
    {
        _batch = Use(new Batch<VideoSpec, VideoCostEstimate>(this, () => OrderedStage.Create<VideoSpec, VideoCostEstimate>(MaxInHand, MeasureAsync, spec => $"'{spec.Subject}'"))
        {
            Emit = Add,
            IsOrdered = true,
            Target = outcome => outcome.Item.Subject,
        });
    }

    /// <inheritdoc/>
    private protected override string Refusal => "The cost is not known";

    /// <inheritdoc/>
    private protected override void OnBegin() => _paid = new PaidVideos();

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        if (HasNoImagePath && CurrentRow?.BaseObject is KlingVideoTask task && GetModel().NeedsImage)
        {
            Refuse(
                new KlingException(ErrorKind.RequestInvalid, $"{Refusal} for '{task.Subject}': this is task {task.Id}, and {MyInvocation.MyCommand.Name} takes images, not tasks.")
                {
                    Advice = $"To see what its video has cost: Get-KlingVideoTask -Id {task.Id} | Select-Object CreditsConsumed."
                        + (task.SourcePath is null ? string.Empty
                            : $" To see what another one would cost: Get-KlingVideoTask -Id {task.Id} | Select-Object *, @{{ Name = 'Path'; Expression = 'SourcePath' }} | {MyInvocation.MyCommand.Name}."),
                },
                CurrentRow);
            return;
        }

        if (HasNoImagePath)
        {
            Feed(null);
            return;
        }

        foreach (string path in ResolveImagePaths(Refuse))
        {
            Feed(MediaSource.FromFile(path));
        }
    }

    /// <inheritdoc/>
    private protected override void RefuseRow(PSObject row, KlingException error, bool isNews)
    {
        _hasRefused = true;
        base.RefuseRow(row, error, isNews);
    }

    private void Feed(MediaSource? image)
    {
        VideoSpec spec;
        try
        {
            spec = ToSpec(image, prompt: null);
        }
        catch (Exception exception) when (Failures.IsError(exception))
        {
            Refuse(UnexpectedError.From(exception, $"'{image?.Subject ?? Name}'"), image?.Subject ?? Name);
            return;
        }

        _batch.Feed(spec);
    }

    /// <inheritdoc/>
    private protected override void OnEnd()
    {
        if (_sum.Count == 0 && (_hasRefused || _batch.Counts.Failed > 0))
        {
            // The errors say why nothing is known; a cost of nothing would be something else.
            return;
        }

        WriteObject(_sum);
        if (SubmissionText.DescribeShortage(_sum.Credits, Connection.Session?.LastBalance) is string shortage)
        {
            WriteWarning(shortage);
        }
    }

    private async Task<VideoCostEstimate> MeasureAsync(VideoSpec spec, CancellationToken cancellationToken)
    {
        ModelSpec model = ModelCatalog.Get(spec.Model);
        model.Validate(spec with { Prompt = "-", Name = spec.Main is null ? spec.Name ?? "this video" : spec.Name }, refusal: Refusal);
        spec = await LocalQuote.MeasureAsync(spec, cancellationToken).ConfigureAwait(false);
        foreach ((_, MediaSource source) in spec.Sources.Where(source => source.Source.IsFile && source.Parameter is not (VideoParameter.Video or VideoParameter.Audio)))
        {
            model.Validate((await ImageInspector.InspectAsync(source.Path!, model.MaxImageLength, cancellationToken).ConfigureAwait(false)).EnsureSupported());
        }

        PriceEstimate price = PriceEstimate.Of(spec, await _paid!.FindLastAsync(spec).ConfigureAwait(false));
        return new VideoCostEstimate
        {
            Count = 1,
            Seconds = spec.Seconds,
            Credits = price.Credits ?? throw CreateUnknownException(model, spec),
            PriceAsOf = price.AsOf,
            Prices = [$"{spec.Model}: {SubmissionText.DescribePrice(price, spec.Seconds)}"],
        };
    }

    private static KlingException CreateUnknownException(ModelSpec model, VideoSpec spec) => new(
        ErrorKind.RequestInvalid,
        model.Price is null
            ? $"The price of the model '{spec.Model}' is not known here. Prices are known of: {string.Join(", ", ModelCatalog.All.Select(known => known.Id))}."
            : $"What the video of '{spec.Subject}' costs depends on how long {(spec.Audio ?? spec.Video)?.Subject} is. Files are read for that, and addresses are not.");

    private void Refuse(KlingException error, object? target)
    {
        _hasRefused = true;
        RefuseInput(error, target);
    }

    private void Add(VideoCostEstimate one) => _sum = _sum.Add(one);
}
