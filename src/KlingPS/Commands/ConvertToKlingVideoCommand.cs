using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using KlingPS.Bridge;
using KlingPS.Core;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Display;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Turns images into videos on disk. Run again, it does only what is missing; no video is bought twice.</summary>
/// <remarks>There is no default parameter set; see <see cref="NewKlingVideoTaskCommand"/>.</remarks>
[Cmdlet(VerbsData.ConvertTo, "KlingVideo", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ConvertToKlingVideoCommand : VideoRequestCommand
{
    private readonly StagePump<ConversionItem, Outcome<ConversionItem, ConvertedVideo>> _pump;
    private readonly List<Outcome<ConversionItem, ConvertedVideo>> _faulted = [];
    private SaveOptions? _saveOptions;
    private VideoConverter? _converter;
    private bool _asks;
    private bool _isPlan;
    private bool _hasInput;
    private int _isRefreshAsked;
    private int _refused;
    private ConversionPlanTotals _plan = new();

    /// <summary>Creates the command.</summary>
    public ConvertToKlingVideoCommand()
    {
        _pump = new(this, CreateStage, Emit);
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

    /// <summary>The time between two looks at a task, in seconds; the configured one, else planned from experience, when it is left out.</summary>
    [Parameter]
    [ValidateRange(0.1, 3600.0)]
    public double? PollingInterval { get; set; }

    /// <summary>Writes a JSON file beside each video that tells what it was made from: fox.mp4.json for fox.mp4.</summary>
    [Parameter]
    public SwitchParameter Sidecar { get; set; }

    /// <summary>Buys again what an earlier run has bought and the service has failed to make.</summary>
    [Parameter]
    public SwitchParameter RetryFailed { get; set; }

    /// <summary>Overwrites files that are in the way, and tries failed tasks again. Buys nothing twice.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Making videos";

    /// <summary>Checks destination and template before anything is read.</summary>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _saveOptions = GetSaveOptions(Destination, NameTemplate, Force);
        _isPlan = IsSet("WhatIf", LanguagePrimitives.IsTrue);
        _asks = _isPlan || IsSet("Confirm", _ => SessionState.PSVariable.GetValue("ConfirmPreference") is ConfirmImpact and not ConfirmImpact.None and <= ConfirmImpact.Medium);
    }

    /// <summary>Takes the next images and emits the videos that are whole.</summary>
    protected override void ProcessRecord()
    {
        bool isFirst = !_hasInput;
        _hasInput = true;
        if (Prompt is null && !PromptFromSidecar && isFirst)
        {
            ThrowTerminatingError(
                new KlingException(ErrorKind.RequestInvalid, "There is no prompt. Say with -Prompt what happens in the videos, or use -PromptFromSidecar for a text file beside each image. Nothing was bought."),
                null);
        }

        foreach (string path in ResolveImagePaths(Refuse))
        {
            Convert(path);
        }
    }

    /// <summary>Emits the videos that are still to come, and sums up.</summary>
    protected override void EndProcessing()
    {
        _pump.Finish();
        Progress.Complete();
        if (!_hasInput)
        {
            WriteError(new KlingException(ErrorKind.PathNotFound, "No images have come through the pipeline, so there is nothing to do."), null);
            return;
        }

        object summary = _isPlan ? _plan : ConversionSummary.Of(_converter?.Counts ?? new ConversionCounts(), _refused);
        WriteInformation(summary, ["PSHOST", "KlingPS"]);
        ThrowIfBatchIsOver();
    }

    /// <inheritdoc/>
    private protected override string? DescribeUnfinished()
    {
        long[] ids = [.. _converter?.Unfinished.Select(task => task.Id) ?? []];
        string underWay = UnfinishedTasks.DescribeUnderWay(_converter?.UnderWay ?? 0);
        if (ids.Length == 0)
        {
            return underWay.Length == 0 ? null : $"{underWay}Run the same command again to get everything.";
        }

        string again = $"{underWay}{UnfinishedTasks.Describe(ids)} Run the same command again to get everything";
        if (ids.Length > UnfinishedTasks.MaxNamed)
        {
            return again + ".";
        }

        string template = NameTemplate == Core.Saving.NameTemplate.DefaultText ? string.Empty : $" -NameTemplate {Quote(NameTemplate)}";
        return $"{again}, or only these with: {UnfinishedTasks.TakeUp(ids)} -Destination {Quote(_saveOptions!.Destination)}{template}";
    }

    private ConcurrentStage<ConversionItem, Outcome<ConversionItem, ConvertedVideo>> CreateStage()
    {
        DestinationFolder.RequireWritable(_saveOptions!.Destination);
        return new(GetConverter().ConvertAsync, int.MaxValue, inOrder: false);
    }

    private VideoConverter GetConverter()
    {
        if (_converter is null)
        {
            _converter = Own(new VideoConverter(
                GetService(),
                new ConversionOptions
                {
                    Save = _saveOptions!,
                    Wait = GetWaitOptions(Timeout, PollingInterval),
                    ThrottleLimit = ThrottleLimit,
                    PromptFromSidecar = PromptFromSidecar,
                    WritesProof = Sidecar,
                }));
            _converter.Changed += AskForRefresh;
        }

        return _converter;
    }

    private void Convert(string path)
    {
        ConversionItem? item;
        try
        {
            Submission submission = ToSubmission(ImageSource.FromFile(path), Prompt ?? string.Empty);
            item = GetConverter().Accept(submission with { Spec = submission.Spec with { Take = Take ?? 1 }, RetryFailed = RetryFailed || Force });
        }
        catch (KlingException exception) when (_converter is null)
        {
            // No key, or one that cannot be used.
            ThrowTerminatingError(exception, null);
            throw;
        }
        catch (KlingException exception)
        {
            Refuse(exception, path);
            return;
        }

        if (item is null)
        {
            WriteVerbose($"'{path}' has come with the same parameters before; it is made once.");
        }
        else if (!_asks || IsWanted(item))
        {
            _pump.Feed(item);
        }
    }

    /// <summary>Tells what would be done, and asks whether to.</summary>
    private bool IsWanted(ConversionItem item)
    {
        try
        {
            ConversionPlan plan = Await(token => GetConverter().PlanAsync(item, _isPlan, token));
            if (!_isPlan && plan.Step != ConversionStep.Buy)
            {
                return true;
            }

            bool isWithinBudget = true;
            if (_isPlan)
            {
                _plan = _plan.With(plan, MaxCredits, MaxTasks, out isWithinBudget);
            }

            string action = isWithinBudget ? Describe(plan)
                : plan.IsOverDailyCap ? "leave it out, for the daily limit of the configuration (DailyCreditCap) is reached"
                : "leave it out, for the limit of this run is reached";
            string text = $"'{item.Submission.Subject}': {action}";
            bool isWanted = ShouldProcess(text, text, "Confirm");
            if (!isWanted && !(_isPlan && isWithinBudget))
            {
                GetConverter().Decline(plan);
            }

            return isWanted;
        }
        catch (KlingException exception)
        {
            Refuse(exception, item.Submission.Subject);
            return false;
        }
    }

    private static string Describe(ConversionPlan plan)
    {
        string where = plan.Path is null ? string.Empty : $" to '{plan.Path}'";
        return plan.Step switch
        {
            ConversionStep.Buy => string.Create(
                CultureInfo.InvariantCulture,
                $"buy a video of {plan.Submission.Spec.Seconds} seconds for {plan.Credits:0.##} credits and save it{where}"),
            ConversionStep.Wait => $"wait for the video, which is paid for already, and save it{where}",
            ConversionStep.Download => $"download the video, which is paid for already,{where}",
            _ => $"leave '{plan.Path}' as it is; it is this image's video",
        };
    }

    private static string Quote(string text) => $"'{CodeGeneration.EscapeSingleQuotedStringContent(text)}'";

    private void Refuse(KlingException exception, object? target)
    {
        _refused++;
        _plan = _plan with { Failed = _plan.Failed + 1 };
        WriteError(exception, target);
    }

    private void Emit(Outcome<ConversionItem, ConvertedVideo> outcome)
    {
        ShowProgress();
        // First: the error ends the command where errors are not gone on after, and the video is there all the same.
        if (outcome.Value is ConvertedVideo video)
        {
            WriteObject(VideoFile.Of(this, video.Path, video.Task, video.SourcePath));
        }

        if (outcome.Error is KlingException error)
        {
            if (error.IsFatal)
            {
                _faulted.Add(outcome);
            }
            else
            {
                WriteError(error, outcome.Item.Submission.Subject);
            }
        }
    }

    private void ThrowIfBatchIsOver()
    {
        if (_faulted.Count > 0)
        {
            KlingException error = _faulted[0].Error!;
            foreach (var others in _faulted.GroupBy(outcome => outcome.Error!.Kind).Where(others => others.Key != error.Kind))
            {
                // Only one can end the command, but whoever mends that should know of the next.
                WriteError(others.First().Error!, others.Select(outcome => outcome.Item.Submission.Subject).ToArray());
            }

            string[] images = [.. _faulted.Select(outcome => outcome.Item.Submission.Subject)];
            string rest = images.Length == 1 ? $"'{images[0]}' has" : $"{images.Length} images have";
            ThrowTerminatingError(
                error.WithMessage($"{error.Message} {rest} no video yet. What is paid for is kept; run the same command again for the rest."),
                images);
        }
    }

    private void AskForRefresh()
    {
        if (Interlocked.Exchange(ref _isRefreshAsked, 1) == 0)
        {
            Post(ShowProgress);
        }
    }

    private void ShowProgress()
    {
        Volatile.Write(ref _isRefreshAsked, 0);
        if (_converter is null)
        {
            return;
        }

        ConversionCounts counts = _converter.Counts;
        Progress.Show(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{counts.Saved} of {counts.Total} saved: {counts.Queued} queued, {counts.Uploading} uploading, {counts.Generating} generating, {counts.Downloading} downloading, {counts.Failed + counts.Unknown + _refused} failed; {counts.Credits:0.##} credits"),
            counts.Done * 100 / Math.Max(counts.Total, 1),
            _converter.EstimateRemaining());
    }
}
