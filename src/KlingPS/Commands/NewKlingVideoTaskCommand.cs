using System.Management.Automation;
using KlingPS.Bridge;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Display;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Submits a video task for each image. This is what spends credits.</summary>
/// <remarks>
/// There is no default parameter set: PowerShell would bind a row's Prompt in it before it has looked at ImageUri or
/// LiteralPath, and then take the row itself, as text, for a path.
/// </remarks>
[Cmdlet(VerbsCommon.New, "KlingVideoTask", SupportsShouldProcess = true)]
[OutputType(typeof(KlingVideoTask))]
public sealed class NewKlingVideoTaskCommand : VideoRequestCommand
{
    private const string ImageUriSet = "ImageUri";

    /// <summary>Images in hand: enough to have the next ones uploaded while the rate limit holds back their requests.</summary>
    private const int MaxInHand = 32;

    private readonly StagePump<Submission, Outcome<Submission, KlingVideoTask>> _pump;
    private VideoSubmitter? _submitter;
    private Outcome<Submission, KlingVideoTask>? _batchFault;
    private int _fed;
    private int _accepted;
    private int _failed;
    private int _unknown;

    /// <summary>Creates the command.</summary>
    public NewKlingVideoTaskCommand()
    {
        _pump = new(this, CreateStage, Emit);
    }

    /// <summary>The addresses of images that lie on the web; http or https.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ImageUriSet)]
    [Alias("ImageUrl", "image_url")]
    public string[] ImageUri { get; set; } = [];

    /// <summary>The file that was uploaded to -ImageUri, for the record and the video's name; not read. Without -ImageUri it does not count.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? SourcePath { get; set; }

    /// <summary>What happens in the video: 1 to 2500 characters.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [AllowEmptyString]
    public string Prompt { get; set; } = string.Empty;

    /// <summary>Buys even while the answer to an identical request is unknown, so that the video may be paid for twice.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Submitting images";

    /// <summary>Takes the next images and emits the tasks that were accepted meanwhile.</summary>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == ImageUriSet)
        {
            foreach (string uri in ImageUri)
            {
                Submit(ImageSource.FromUri(uri.Trim(), FindUploadedFrom()));
            }
        }
        else
        {
            foreach (string path in ResolveImagePaths())
            {
                Submit(ImageSource.FromFile(path));
            }
        }
    }

    /// <summary>Emits the tasks that are still to be accepted.</summary>
    protected override void EndProcessing()
    {
        _pump.Finish();
        Progress.Complete();
        ThrowIfBatchIsOver();
    }

    /// <inheritdoc/>
    private protected override string? DescribeUnfinished()
    {
        string underWay = UnfinishedTasks.DescribeUnderWay(_submitter?.UnderWay ?? 0);
        return underWay.Length == 0 ? null : $"{underWay}Get-KlingVideoTask shows what was bought.";
    }

    private ConcurrentStage<Submission, Outcome<Submission, KlingVideoTask>> CreateStage()
    {
        _submitter = new VideoSubmitter(GetService());
        return new(_submitter.SubmitAsync, MaxInHand, inOrder: true);
    }

    private void Emit(Outcome<Submission, KlingVideoTask> result)
    {
        if (result.Error is null)
        {
            _accepted++;
            ShowProgress();
            WriteObject(result.Value);
            return;
        }

        _failed++;
        _unknown += result.Error.Kind == ErrorKind.AttemptUnknown ? 1 : 0;
        ShowProgress();
        if (result.Error.IsFatal)
        {
            _batchFault ??= result;
        }
        else
        {
            WriteError(result.Error, result.Item.Subject);
        }
    }

    private void Submit(ImageSource image)
    {
        if (_batchFault is not null)
        {
            // What is under way still comes out; it may be paid for.
            _pump.Finish();
            ThrowIfBatchIsOver();
        }

        Submission submission;
        try
        {
            submission = ToSubmission(image, Prompt) with { Force = Force };
            RequestRules.Check(submission);
        }
        catch (KlingException exception)
        {
            WriteError(exception, image.IsFile ? image.Path : image.Uri);
            return;
        }

        if (ShouldProcess(submission.Subject, Describe(submission)))
        {
            _fed++;
            ShowProgress();
            _pump.Feed(submission);
        }
    }

    /// <summary>The file the address came from, as a full path where this machine knows it: the record may be that of another machine.</summary>
    private string? FindUploadedFrom()
    {
        if (string.IsNullOrWhiteSpace(SourcePath))
        {
            return null;
        }

        try
        {
            return GetFullPath(SourcePath);
        }
        catch (KlingException)
        {
            return SourcePath;
        }
    }

    private void ShowProgress()
        => Progress.Show(
            _failed == 0 ? $"{_accepted} of {_fed} accepted" : $"{_accepted} of {_fed} accepted, {_failed} not",
            (_accepted + _failed) * 100 / Math.Max(_fed, 1));

    private void ThrowIfBatchIsOver()
    {
        if (_batchFault is { Error: KlingException error } fault)
        {
            string bought = _accepted > 0 ? $" {_accepted} of {_fed} videos were bought before and are being made."
                : _unknown > 0 || error is KlingApiException { SaysNothingBought: true } ? string.Empty
                : " Nothing was bought.";
            string unknown = _unknown switch
            {
                0 => string.Empty,
                1 => " Whether 1 video was bought is not known: Get-KlingVideoTask -State Unknown shows it.",
                _ => $" Whether {_unknown} videos were bought is not known: Get-KlingVideoTask -State Unknown shows them.",
            };
            ThrowTerminatingError(error.WithMessage(error.Message + bought + unknown), fault.Item.Subject);
        }
    }
}
