using System.Collections.Concurrent;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Converting;

/// <summary>What is known about an image before anything is done for it.</summary>
/// <param name="Identified">Which video it is.</param>
/// <param name="Earlier">Its purchase, if it has been made.</param>
/// <param name="Output">Where it goes; <see langword="null"/> while that depends on the purchase.</param>
internal sealed record PreparedConversion(IdentifiedSubmission Identified, KlingVideoTask? Earlier, OutputPath? Output)
{
    /// <summary>Whether the video stays as it is, with its sidecar, because another ledger has recorded it.</summary>
    public bool IsKept { get; init; }

    /// <inheritdoc cref="ConversionPlan.Remark"/>
    public string? Remark { get; init; }

    /// <summary>Whether the user has taken the video elsewhere.</summary>
    public bool IsTaken => Earlier?.TakenAt is not null;

    /// <summary>Whether the video is there already.</summary>
    public bool HasVideo => Output is { HasVideo: true };
}

/// <summary>Looks at the images of a batch, names their videos, and finds out what there is already; sends nothing.</summary>
internal sealed class ConversionPreparer
{
    private readonly KlingSession _session;
    private readonly IPipelineObserver? _observer;
    private readonly ConversionOptions _options;
    private readonly VideoSubmitter _submitter;
    private readonly OutputPathResolver _paths;
    private readonly DestinationVideos _destination;
    private readonly ConcurrentDictionary<string, byte> _warned = new();

    /// <summary>Creates the preparer.</summary>
    /// <param name="service">The account, and whom to tell.</param>
    /// <param name="options">How the batch is converted.</param>
    /// <param name="submitter">Knows what has been bought.</param>
    /// <param name="paths">Gives the videos their names.</param>
    public ConversionPreparer(KlingService service, ConversionOptions options, VideoSubmitter submitter, OutputPathResolver paths)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(options);
        _session = service.Session;
        _observer = service.Observer;
        _options = options;
        _submitter = submitter;
        _paths = paths;
        _destination = new DestinationVideos(service, options.Save, paths);
    }

    /// <summary>Gives a video its name, in the order of the input, so that the names are the same in every run.</summary>
    /// <param name="submission">The video.</param>
    /// <param name="index">Its position in the batch, from 1.</param>
    /// <returns>The name; <see langword="null"/> while it depends on the purchase.</returns>
    public VideoName? ClaimName(Submission submission, int index)
    {
        ArgumentNullException.ThrowIfNull(submission);
        return !_paths.NamesBeforePurchase || IsLengthNeeded(submission.Spec) ? null : _paths.ClaimName(ValuesOf(submission, index));
    }

    /// <summary>Which video it is, whether it has been bought, and where it goes. Makes sure that a video to be bought can be saved, as far as that can be known.</summary>
    /// <param name="item">The image.</param>
    /// <param name="isAboutToWrite">Whether a file may be created in its folder, to see whether one can be.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <param name="onIdentified">Called with what makes two purchases the same, as soon as that is known.</param>
    /// <exception cref="KlingException">It could not be converted; the message says why.</exception>
    public async Task<PreparedConversion> PrepareAsync(ConversionItem item, bool isAboutToWrite, CancellationToken cancellationToken, Action<string>? onIdentified = null)
    {
        Submission submission = _options.PromptFromSidecar
            ? await PromptFile.ApplyAsync(item.Submission, path => WarnOfEmptyPrompt(item, path), cancellationToken).ConfigureAwait(false)
            : item.Submission;
        (IdentifiedSubmission identified, KlingVideoTask? earlier) = await _submitter.PrepareAsync(submission, cancellationToken, onIdentified).ConfigureAwait(false);
        if (earlier is null && !submission.AllowRepurchase && await _destination.FindAsync(identified, cancellationToken).ConfigureAwait(false) is KlingVideoTask there)
        {
            VideoName name = item.Name ?? new VideoName(Path.GetFileName(there.SavedPath!), Path.GetFileName(there.SavedPath!));
            await RequirePlannedAsync(identified, there, isElsewhere: true, cancellationToken).ConfigureAwait(false);
            OutputPath kept = _paths.Keep(there.SavedPath!, name, VideoKey.FromIdentity(identified.Identity));
            return new PreparedConversion(identified, there, kept) { IsKept = true, Remark = "bought with another ledger, by its sidecar" };
        }

        await RequirePlannedAsync(identified, earlier, isElsewhere: false, cancellationToken).ConfigureAwait(false);
        try
        {
            OutputPath? output = earlier is { TaskState: KlingTaskState.Succeeded } || item.Name is not null
                ? await ChooseOutputAsync(item, identified, earlier, cancellationToken).ConfigureAwait(false)
                : null;
            if (earlier is null)
            {
                await RequireUsableAsync(item, output, isAboutToWrite, cancellationToken).ConfigureAwait(false);
            }

            WarnOfUnknownFile(item, earlier, output);
            return new PreparedConversion(identified, earlier, output)
            {
                Remark = earlier is not null && earlier.Account != _session.Account ? $"bought with another key, as task {earlier.Id} here" : null,
            };
        }
        catch (KlingException exception) when (exception.Kind is ErrorKind.FileExists or ErrorKind.DestinationUnusable or ErrorKind.FileUnreadable)
        {
            throw earlier is null ? item.Submission.SayNothingBought(exception) : exception.About(earlier.Id);
        }
    }

    private Task RequirePlannedAsync(IdentifiedSubmission identified, KlingVideoTask? earlier, bool isElsewhere, CancellationToken cancellationToken)
        => _options.Plan?.RequireAsync(identified, earlier, isElsewhere, cancellationToken) ?? Task.CompletedTask;

    /// <summary>Where the video goes. A file in its way may be that very video, bought with another ledger.</summary>
    private async Task<OutputPath?> ChooseOutputAsync(ConversionItem item, IdentifiedSubmission identified, KlingVideoTask? earlier, CancellationToken cancellationToken)
    {
        try
        {
            return await ResolveOutputAsync(item, identified.Identity, earlier, cancellationToken).ConfigureAwait(false);
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.FileExists && earlier is null)
        {
            throw exception.WithMessage($"{exception.Message} The ledger '{_session.Ledger.Location}' does not know it; if it is the video of this image, it was bought with another ledger, which KLINGPS_LEDGER can name.");
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.FileExists && earlier is { TakenAt: not null })
        {
            return null;
        }
    }

    /// <summary>Somebody may have meant to write a separate prompt for the image, or may have lost one.</summary>
    private void WarnOfEmptyPrompt(ConversionItem item, string path)
    {
        if (_warned.TryAdd(path, 0))
        {
            _observer?.OnWarning($"'{path}' is empty, so the text of -Prompt is used for '{item.Submission.Subject}'. If a prompt of its own was meant, stop the command and write it there.");
        }
    }

    /// <summary>A file that is about to be replaced may be the very video that is about to be bought.</summary>
    private void WarnOfUnknownFile(ConversionItem item, KlingVideoTask? earlier, OutputPath? output)
    {
        if (earlier is null && output is not null && _options.Save.Overwrite && File.Exists(output.Path) && _warned.TryAdd(output.Path, 0))
        {
            _observer?.OnWarning(
                $"'{output.Path}' is in the way of the video of '{item.Submission.Subject}' and will be replaced, because of -Force. The ledger '{_session.Ledger.Location}' does not know it; "
                + "if it is the video of this image, it was bought with another ledger, and is about to be bought again.");
        }
    }

    /// <summary>Refuses a video that could not be saved, before it is bought.</summary>
    private async Task RequireUsableAsync(ConversionItem item, OutputPath? output, bool isAboutToWrite, CancellationToken cancellationToken)
    {
        // A name that depends on the purchase has this form.
        _paths.RequireUsable(
            ValuesOf(item.Submission, item.Index) with { TaskId = new string('0', 32), CreatedAt = _session.TimeProvider.GetUtcNow() },
            output,
            isAboutToWrite);
        if (_options.WritesSidecar && output is not null)
        {
            await Sidecar.RequireFreeAsync(Sidecar.PathOf(output.Path), _options.Save.Overwrite, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether the name contains the length of the video, and that depends on a file that has not been read yet.</summary>
    private bool IsLengthNeeded(VideoSpec spec) => ModelCatalog.Get(spec.Model).TakesLengthOfInput && _options.Save.Template.Tokens.Contains("Duration");

    /// <summary>What the tokens of a name stand for before the purchase.</summary>
    private static NameTemplateValues ValuesOf(Submission submission, int index) => new()
    {
        Source = submission.Spec.NamedAfter,
        Title = submission.Spec.Title,
        Index = index,
        TaskId = string.Empty,
        Id = 0,
        CreatedAt = default,
        Duration = submission.Spec.KnownSeconds,
        Take = submission.Spec.Take,
    };

    /// <summary>Where the video of an image goes.</summary>
    /// <param name="item">The image.</param>
    /// <param name="identity">What makes two purchases the same.</param>
    /// <param name="task">Its purchase, if it has been made; needed if its name depends on that.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException">Something else is there.</exception>
    public Task<OutputPath> ResolveOutputAsync(ConversionItem item, string identity, KlingVideoTask? task, CancellationToken cancellationToken)
        => _paths.ResolveAsync(
            item.Name ?? _paths.ClaimName(VideoSaver.ValuesOf(task!, item.Index) with { Source = item.Submission.Spec.NamedAfter, Title = item.Submission.Spec.Title }),
            VideoKey.FromIdentity(identity),
            task,
            cancellationToken);
}
