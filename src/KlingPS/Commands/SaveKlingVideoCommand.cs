using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Stages;
using KlingPS.Display;
using KlingPS.Hosting;
using KlingPS.Parameters;
using KlingPS.Text;

namespace KlingPS.Commands;

/// <summary>Downloads the videos of finished tasks.</summary>
[Cmdlet(VerbsData.Save, "KlingVideo", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class SaveKlingVideoCommand : TaskReferenceCommand
{
    /// <summary>How many tasks may be under way; among these, the videos that expire first are downloaded first.</summary>
    private const int MaxInHand = 256;

    private readonly Batch<TaskReference, SavedVideo> _batch;
    private SaveOptions? _options;

    /// <summary>Whether the user knows that the service refuses what it is asked.</summary>
    private bool _isTold;

    /// <summary>Creates the command.</summary>
    public SaveKlingVideoCommand()
    {
        var files = VideoFiles.Of(() => InvokeProvider.Item);
        _batch = Use(new Batch<TaskReference, SavedVideo>(this, CreateStage)
        {
            Verb = "saved",
            Emit = video => WriteObject(files.From(video)),
            Target = outcome => TaskReferences.TargetOf(outcome.Item),

            // A video that is paid for is fetched whatever else goes wrong here. Without the service, that is possible if its link is known.
            IsShared = IsLedgerLost,
            IsFatal = error => error.IsFatal && error is KlingApiException,
            KeepsFatal = true,
            Ended = OnEnded,
        });
    }

    /// <summary>The folder the videos go to; created when it is missing. The configured one, else the current folder, when it is left out.</summary>
    [Parameter]
    [NotBlank]
    public string? Destination { get; set; }

    /// <summary>What the files are called, with tokens such as {BaseName}, {Id} and {Date:yyyyMMdd}.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(NameTemplateCompleter))]
    [ValidateNotNull]
    public string NameTemplate { get; set; } = Core.Saving.NameTemplate.DefaultText;

    /// <summary>Overwrites files that exist.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>How long the command may take, as seconds or as a time span, from its first task on; without end when it is left out.</summary>
    [Parameter]
    [Seconds]
    [ValidateRange(0.001, 10_000_000.0)]
    public double? Timeout { get; set; }

    /// <summary>The file that events are appended to, as JSON lines; the configured one, else none, when it is left out.</summary>
    [Parameter]
    [NotBlank]
    public string? LogPath { get; set; }

    /// <inheritdoc/>
    private protected override bool HasLog => true;

    /// <inheritdoc/>
    private protected override string? GivenLogPath => LogPath;

    /// <inheritdoc/>
    private protected override double? TimeLimit => Timeout;

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Saving videos";

    /// <inheritdoc/>
    private protected override string? FindMeant(object taken) => taken is string or FileSystemInfo or PathInfo ? nameof(Destination) : null;

    /// <inheritdoc/>
    private protected override void OnBegin()
    {
        _options = GetSaveOptions(Destination, NameTemplate, Force);
        _batch.SaveParameters = UnfinishedWork.Parameters(_options);
        Unfinished.Save = _options;
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        foreach ((TaskReference reference, KlingVideoTask? task) in FindReferences())
        {
            if (ShouldProcess(reference.ToString(), $"Save the video to {_options!.Destination}"))
            {
                Unfinished.Add(reference, task);
                _batch.Feed(reference);
            }
        }
    }

    /// <inheritdoc/>
    private protected override void OnEnd() => _batch.ThrowIfFatal();

    private ConcurrentStage<TaskReference, Outcome<TaskReference, SavedVideo>> CreateStage()
    {
        var saver = new VideoSaver(Context.ServiceToFinish, _options!);
        Deadline deadline = Own(Context.CreateDeadline(Timeout));
        return new((reference, token) => saver.SaveAsync(reference, deadline, token), MaxInHand, inOrder: false);
    }

    private void OnEnded(Outcome<TaskReference, SavedVideo> outcome)
    {
        if (outcome.Error is KlingException refusal && _batch.IsFatal(refusal))
        {
            LogError(refusal, TaskReferences.TargetOf(outcome.Item));
            if (!_isTold && (MyInvocation.ExpectingInput || _batch.Counts.Fed > 1))
            {
                _isTold = true;
                WriteWarning($"{refusal.Message} Videos whose links are known are still saved.");
            }
        }

        // These errors mean that there is no video to get; and a saved video is saved, even if that is not recorded yet.
        if (outcome.Value is not null || outcome.Error is null or { Kind: ErrorKind.TaskFailed or ErrorKind.TaskNotFound or ErrorKind.RequestInvalid or ErrorKind.AttemptUnknown })
        {
            Unfinished.Remove(outcome.Item);
        }
    }
}
