using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Display;
using KlingPS.Hosting;
using KlingPS.Parameters;
using KlingPS.Text;

namespace KlingPS.Commands;

/// <summary>Turns images into videos on disk. Run again, it does only what is missing; no video is bought twice.</summary>
/// <remarks>There is no default parameter set; see <see cref="NewKlingVideoTaskCommand"/>.</remarks>
[Cmdlet(VerbsData.ConvertTo, "KlingVideo", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ConvertToKlingVideoCommand : VideoRequestCommand
{
    private readonly Batch<ConversionItem, SavedVideo> _batch;
    private SaveOptions? _saveOptions;
    private VideoConverter? _converter;
    private bool _isPlan;
    private bool _hasInput;
    private int _isRefreshAsked;
    private int _refused;
    private ConversionPlanTotals _plan = new();

    /// <summary>Creates the command.</summary>
    public ConvertToKlingVideoCommand()
    {
        _batch = Use(new Batch<ConversionItem, SavedVideo>(this, CreateStage)
        {
            ShowProgress = ShowProgress,
            Emit = video => WriteObject(VideoFile.From(InvokeProvider.Item, video.Path, video.Task, video.SourcePath)),
            Target = outcome => outcome.Item.Submission.Subject,

            // What is paid for is still fetched after an error that ends the buying.
            KeepsFatal = true,
        });
    }

    /// <summary>What happens in the videos: 1 to 2500 characters.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [AllowEmptyString]
    public string? Prompt { get; set; }

    /// <summary>Takes each prompt from the text file beside the image: fox.png.txt, or fox.txt. -Prompt is for images that have none.</summary>
    [Parameter]
    public SwitchParameter PromptFromSidecar { get; set; }

    /// <summary>The folder the videos go to; created when it is missing. The configured one, else the current folder, when it is left out.</summary>
    [Parameter(Position = 2)]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>What the files are called, with tokens such as {BaseName}, {Index:000} and {Date:yyyyMMdd}.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(NameTemplateCompleter))]
    public string NameTemplate { get; set; } = Core.Saving.NameTemplate.DefaultText;

    /// <summary>Which of several deliberate variants of the same video to make, from 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankAs(1)]
    [ValidateRange(1, 1_000_000)]
    public int? Take { get; set; }

    /// <summary>The most tasks to have at the service at the same time; the service's own limits alone when it is left out.</summary>
    [Parameter]
    [ValidateRange(1, 100_000)]
    public int? ThrottleLimit { get; set; }

    /// <summary>How long to wait for a task, in seconds from the moment this command begins to wait for it; without end when it is left out.</summary>
    [Parameter]
    [ValidateRange(0, 10_000_000)]
    public int? Timeout { get; set; }

    /// <summary>The time between two polls of a task, in seconds; the configured one, else planned from experience, when it is left out.</summary>
    [Parameter]
    [ValidateRange(0.1, 3600.0)]
    public double? PollingInterval { get; set; }

    /// <summary>Writes a sidecar beside each video, a JSON file that says what it was made from: fox.mp4.json for fox.mp4.</summary>
    [Parameter]
    public SwitchParameter Sidecar { get; set; }

    /// <summary>Buys a video again that the service failed to make in an earlier run.</summary>
    [Parameter]
    public SwitchParameter RetryFailed { get; set; }

    /// <summary>Overwrites files that are in the way, and retries failed tasks. Buys nothing twice.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Making videos";

    /// <inheritdoc/>
    private protected override void OnBegin()
    {
        _saveOptions = GetSaveOptions(Destination, NameTemplate, Force);
        _isPlan = Context.Shell.Common.IsWhatIf;
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        if (Prompt is null && !PromptFromSidecar && !_hasInput)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "There is no prompt. Say with -Prompt what happens in the videos, or use -PromptFromSidecar with a text file beside each image. Nothing was bought.");
        }

        _hasInput = true;
        foreach (string path in ResolveImagePaths(Refuse))
        {
            Convert(path);
        }
    }

    /// <inheritdoc/>
    private protected override void OnEnd()
    {
        if (!_hasInput)
        {
            WriteError(new KlingException(ErrorKind.PathNotFound, "No images came through the pipeline, so there is nothing to do."), null);
            return;
        }

        object summary = _isPlan ? _plan : ConversionSummary.From(_converter?.Counts ?? new ConversionCounts(), _refused);
        WriteInformation(summary, ["PSHOST", "KlingPS"]);
        if (_batch.Fatal is [var first, ..] fatal)
        {
            // Only one error can end the command, but a user who mends that one should know of the others.
            foreach (var others in fatal.GroupBy(outcome => outcome.Error!.Kind).Where(others => others.Key != first.Error!.Kind))
            {
                WriteError(others.First().Error!, SubjectsOf(others));
            }

            ThrowTerminatingError(ConversionText.CreateEnding(fatal), SubjectsOf(fatal));
        }
    }

    /// <inheritdoc/>
    private protected override string? DescribeUnfinished()
        => _converter is null ? null : ConversionText.DescribeUnfinished([.. _converter.Unfinished.Select(task => task.Id)], _converter.UnderWay, _saveOptions!);

    private ConcurrentStage<ConversionItem, Outcome<ConversionItem, SavedVideo>> CreateStage()
    {
        DestinationFolder.RequireWritable(_saveOptions!.Destination);
        return new(GetConverter().ConvertAsync, int.MaxValue, inOrder: false);
    }

    private VideoConverter GetConverter()
    {
        if (_converter is null)
        {
            _converter = Own(new VideoConverter(
                Context.Service,
                new ConversionOptions
                {
                    Save = _saveOptions!,
                    Wait = Context.GetWaitOptions(Timeout, PollingInterval),
                    ThrottleLimit = ThrottleLimit,
                    PromptFromSidecar = PromptFromSidecar,
                    WritesSidecar = Sidecar,
                }));
            _converter.Changed += AskForRefresh;
        }

        return _converter;
    }

    private void Convert(string path)
    {
        if (Accept(GetConverter(), path) is ConversionItem item)
        {
            _batch.Feed(item);
        }
    }

    /// <summary>Takes an image into the batch, unless it cannot be converted, is in it already, or the user does not want it.</summary>
    private ConversionItem? Accept(VideoConverter converter, string path)
    {
        try
        {
            Submission submission = ToSubmission(ImageSource.FromFile(path), Prompt ?? string.Empty);
            ConversionItem? item = converter.Accept(submission with { Spec = submission.Spec with { Take = Take ?? 1 }, RetryFailed = RetryFailed || Force });
            if (item is null)
            {
                WriteVerbose($"'{path}' came before with the same parameters; it is converted once.");
                return null;
            }

            return !(_isPlan || Context.Shell.Common.IsConfirmed) || IsWanted(converter, item) ? item : null;
        }
        catch (KlingException exception)
        {
            Refuse(exception, path);
            return null;
        }
    }

    /// <summary>Tells what would be done, and asks whether to.</summary>
    private bool IsWanted(VideoConverter converter, ConversionItem item)
    {
        ConversionPlan plan = Await(token => converter.PlanAsync(item, _isPlan, token));
        if (!_isPlan && plan.Step != ConversionStep.Buy)
        {
            return true;
        }

        bool isWithinBudget = true;
        if (_isPlan)
        {
            (_plan, isWithinBudget) = _plan.Add(plan, MaxCredits, MaxTasks);
        }

        string text = ConversionText.DescribePlan(plan, isWithinBudget);
        bool isWanted = ShouldProcess(text, text, "Confirm");
        if (!isWanted && !(_isPlan && isWithinBudget))
        {
            converter.Decline(plan);
        }

        return isWanted;
    }

    private void Refuse(KlingException exception, object? target)
    {
        _refused++;
        _plan = _plan with { Failed = _plan.Failed + 1 };
        WriteError(exception, target);
    }

    private static string[] SubjectsOf(IEnumerable<Outcome<ConversionItem, SavedVideo>> outcomes) => [.. outcomes.Select(outcome => outcome.Item.Submission.Subject)];

    /// <summary>Some image has moved on; called on any thread.</summary>
    private void AskForRefresh()
    {
        if (Interlocked.Exchange(ref _isRefreshAsked, 1) == 0)
        {
            Post(_batch.Refresh);
        }
    }

    private void ShowProgress()
    {
        Volatile.Write(ref _isRefreshAsked, 0);
        if (_converter is not null)
        {
            ConversionCounts counts = _converter.Counts;
            Context.Progress.Show(ConversionText.DescribeProgress(counts, _refused), counts.Done * 100 / Math.Max(counts.Total, 1), _converter.EstimateRemaining());
        }
    }
}
