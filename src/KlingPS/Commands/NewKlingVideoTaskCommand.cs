using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Hosting;
using KlingPS.Parameters;
using KlingPS.Text;

namespace KlingPS.Commands;

/// <summary>Submits a video task for each image, or for a prompt alone. This is what spends credits.</summary>
[Cmdlet(VerbsCommon.New, "KlingVideoTask", SupportsShouldProcess = true)]
[OutputType(typeof(KlingVideoTask))]
public sealed class NewKlingVideoTaskCommand : VideoRequestCommand
{
    /// <summary>How many images may be under way: enough to upload the next ones while the rate limit holds back their requests.</summary>
    private const int MaxInHand = 32;

    private readonly Batch<Submission, KlingVideoTask> _batch;
    private readonly TurnLine _line = new();
    private VideoSubmitter? _planner;
    private VideoSubmitter? _submitter;
    private RecentSends? _sent;
    private BalanceWatch? _balance;
    private decimal _foreseen;
    private int _unknown;

    /// <summary>Creates the command.</summary>
    public NewKlingVideoTaskCommand()
    {
        _batch = Use(new Batch<Submission, KlingVideoTask>(this, CreateStage)
        {
            Describe = DescribeProgress,
            IsOrdered = true,
            Target = outcome => outcome.Item.Subject,
            Ended = OnEnded,
            Finishing = images => _balance?.Complete(images),
            KeepsFatal = true,
            Ending = fatal => SubmissionText.CreateEnding(fatal[0].Error!, _batch!.Counts, _unknown),
        });
    }

    /// <summary>The addresses of images on the web; http or https.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("ImageUrl", "image_url")]
    public string[] ImageUri { get; set; } = [];

    /// <summary>The file that was uploaded to -ImageUri, for the record and the video's name; not read. Ignored without -ImageUri.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? SourcePath { get; set; }

    /// <summary>What happens in the video: 1 to 2500 characters.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [AllowEmptyString]
    [PlainText]
    public string? Prompt { get; set; }

    /// <summary>Buys even while it is not known whether an identical request was accepted, so that the video may be paid for twice.</summary>
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
    private protected override string ProgressActivity => "Submitting images";

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        if (Prompt is null && !MyInvocation.ExpectingInput && !GetModel().IsPromptOptional)
        {
            throw new KlingException(ErrorKind.RequestInvalid, "There is no prompt. Say with -Prompt what happens in the videos. Nothing was bought.");
        }

        if (IsGiven(nameof(ImageUri)) && BlankText.IsAll(ImageUri))
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"-{nameof(ImageUri)} is empty, and a video without the image that it was meant for would be billed all the same. Nothing was bought. Name the image, or leave -{nameof(ImageUri)} out to make a video from a prompt alone.");
        }

        string[] uris = HasChosenImage || BlankText.IsAll(ImageUri) ? [] : ImageUri!;
        if (uris.Length > 0 && !HasNoImagePath)
        {
            RefuseInput(
                new KlingException(ErrorKind.RequestInvalid, $"Nothing was bought for '{uris[0]}': an image is named by its path as well as by its address; give one of the two."),
                uris[0]);
        }
        else if (uris.Length > 0)
        {
            foreach (string? uri in uris)
            {
                if (string.IsNullOrWhiteSpace(uri))
                {
                    RefuseInput(new KlingException(ErrorKind.RequestInvalid, "An empty value was given instead of the address of an image."), null);
                    continue;
                }

                Submit(MediaSource.FromUri(uri.Trim(), Context.Shell.Paths.TryGetFullPath(SourcePath)));
            }
        }
        else if (HasNoImagePath)
        {
            Submit(null);
        }
        else
        {
            foreach (string path in ResolveImagePaths())
            {
                Submit(MediaSource.FromFile(path));
            }
        }
    }

    /// <inheritdoc/>
    private protected override void OnEnd()
    {
        WarnOfBalance(_foreseen);
        _batch.ThrowIfFatal();
    }

    private ConcurrentStage<Submission, Outcome<Submission, KlingVideoTask>> CreateStage()
    {
        _balance = CreateBalanceWatch();
        var submitter = new VideoSubmitter(Context.Service, _balance);
        var sent = new RecentSends(Context.Session.TimeProvider);
        (_submitter, _sent) = (submitter, sent);
        Deadline deadline = Own(Context.CreateDeadline(Timeout));
        UnfinishedWork.Member unfinished = Unfinished;
        unfinished.UnderWay = () => submitter.UnderWay;
        return new(
            async (submission, token) =>
            {
                // Results come out in the order of the input, so a purchase may have to wait for its turn.
                Outcome<Submission, KlingVideoTask> outcome = await submitter.SubmitAsync(submission, deadline, token).ConfigureAwait(false);
                if (outcome.Value is KlingVideoTask task)
                {
                    unfinished.Add(task);
                    sent.Add();
                }

                return outcome;
            },
            MaxInHand,
            inOrder: true);
    }

    private void OnEnded(Outcome<Submission, KlingVideoTask> outcome)
    {
        _unknown += outcome.Error?.Kind == ErrorKind.AttemptUnknown ? 1 : 0;
        if (outcome.Value is KlingVideoTask task)
        {
            Unfinished.Add(task, isHandedOut: true);
        }
    }

    private ProgressStatus DescribeProgress()
    {
        BatchCounts counts = _batch.Counts;
        TimeSpan? remaining = _sent is null ? null : new BatchForecast { ToSend = counts.Open, Sent = _sent.Ages, Times = DurationDistribution.None }.FindRemaining();
        return _batch.StatusOf(SubmissionText.DescribeProgress(counts, Math.Min(counts.Open, _submitter?.Waiting ?? 0)), remaining);
    }

    private void Submit(MediaSource? image)
    {
        if (_batch.HasFatal)
        {
            // What is under way still comes out; it may be paid for.
            _batch.Finish();
            _batch.ThrowIfFatal();
        }

        Submission submission;
        try
        {
            submission = ToSubmission(image, Prompt ?? string.Empty) with { Force = Force };
            submission.Spec.Validate();
        }
        catch (Exception exception) when (Failures.IsError(exception))
        {
            RefuseInput(UnexpectedError.From(exception, $"'{image?.Subject ?? Prompt}'"), image?.Subject ?? Prompt);
            return;
        }

        Submission foreseen = submission;
        if ((Context.Shell.Common.IsWhatIf || Context.Shell.Common.IsConfirmed) && !TryForesee(ref foreseen))
        {
            return;
        }

        _foreseen += Context.Shell.Common.IsWhatIf ? foreseen.Credits ?? 0 : 0;
        if (ShouldProcess(submission.Subject, SubmissionText.DescribePurchase(foreseen)))
        {
            _batch.Feed(submission with { Turn = _line.Next() });
        }
    }

    /// <summary>Gives the warnings that would come before the purchase, such as that the image has changed.</summary>
    /// <returns>Whether it would be bought.</returns>
    private bool TryForesee(ref Submission submission)
    {
        try
        {
            Submission given = submission;
            _planner ??= new VideoSubmitter(Context.Service);
            submission = Await(token => _planner.PrepareAsync(given, token)).Identified.Submission;
            return true;
        }
        catch (KlingException exception) when (!exception.IsFatal)
        {
            RefuseInput(exception, submission.Subject);
            return false;
        }
        catch (KlingException exception)
        {
            // Without a key or a ledger, only what was asked for can be said.
            WriteVerbose(exception.Message);
            submission = submission with { Price = PriceEstimate.Of(submission.Spec, last: null) };
            return true;
        }
    }
}
