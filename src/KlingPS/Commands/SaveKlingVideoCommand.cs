using System.Management.Automation;
using KlingPS.Bridge;
using KlingPS.Core;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Display;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Downloads the videos of finished tasks.</summary>
[Cmdlet(VerbsData.Save, "KlingVideo", DefaultParameterSetName = InputObjectSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class SaveKlingVideoCommand : TaskReferenceCommand
{
    /// <summary>Tasks in hand: of these, the videos that expire first are downloaded first.</summary>
    private const int MaxInHand = 256;

    private readonly StagePump<TaskReference, Outcome<TaskReference, SavedVideo>> _pump;
    private SaveOptions? _options;
    private int _fed;
    private int _saved;

    /// <summary>Creates the command.</summary>
    public SaveKlingVideoCommand()
    {
        _pump = new(this, CreateStage, Emit);
    }

    /// <summary>The folder the videos go to; created when it is missing. The configured one, else the current folder, when it is left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>What the files are called, with tokens such as {BaseName}, {Id} and {Date:yyyyMMdd}.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(NameTemplateCompleter))]
    public string NameTemplate { get; set; } = Core.Saving.NameTemplate.DefaultText;

    /// <summary>Overwrites files that exist.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Saving videos";

    /// <summary>Checks destination and template before anything is fetched.</summary>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _options = GetSaveOptions(Destination, NameTemplate, Force);
    }

    /// <summary>Takes the next tasks and emits the videos that are whole.</summary>
    protected override void ProcessRecord()
    {
        foreach (TaskReference reference in ResolveReferences())
        {
            if (ShouldProcess(reference.ToString(), $"Save the video to {_options!.Destination}"))
            {
                _fed++;
                ShowProgress();
                _pump.Feed(reference);
            }
        }
    }

    /// <summary>Emits the videos that are still to come.</summary>
    protected override void EndProcessing()
    {
        _pump.Finish();
        Progress.Complete();
    }

    private ConcurrentStage<TaskReference, Outcome<TaskReference, SavedVideo>> CreateStage()
        => new(new VideoSaver(GetService(), _options!).SaveAsync, MaxInHand, inOrder: false);

    private void Emit(Outcome<TaskReference, SavedVideo> result)
    {
        if (result.Error is KlingException error)
        {
            if (error.IsFatal && error is Core.Api.KlingApiException)
            {
                ThrowTerminatingError(error, TaskReferences.TargetOf(result.Item));
            }

            WriteError(error, TaskReferences.TargetOf(result.Item));
        }

        if (result.Value is SavedVideo video)
        {
            _saved++;
            ShowProgress();
            WriteObject(VideoFile.Of(this, video.Path, video.Task, video.Task.SourcePath));
        }
    }

    private void ShowProgress() => Progress.Show($"{_saved} of {_fed} saved", _saved * 100 / Math.Max(_fed, 1));
}
