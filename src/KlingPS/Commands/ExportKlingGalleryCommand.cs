using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Gallery;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Hosting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Writes a page on which videos can be viewed, compared and chosen. Needs no key and asks no service.</summary>
[Cmdlet(VerbsData.Export, "KlingGallery", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportKlingGalleryCommand : KlingCommand
{
    private readonly List<(PSObject Source, GalleryInput Input)> _inputs = [];
    private bool _isInput;
    private int _refused;
    private GalleryOptions? _options;
    private GalleryWriter? _writer;

    /// <summary>The page: one file, which is replaced if this command wrote it before.</summary>
    [Parameter(Position = 0)]
    [Usage(IsRequired = true)]
    [NotBlank]
    public string Path { get; set; } = string.Empty;

    /// <summary>What to show: tasks, ids, videos or folders of videos. If it is left out, everything in the ledger, or all videos in the folder of the page if there is no ledger.</summary>
    [Parameter(ValueFromPipeline = true)]
    [AllowNull]
    public PSObject?[]? InputObject { get; set; } = [];

    /// <summary>The title of the page.</summary>
    [Parameter]
    [NotBlank]
    public string Title { get; set; } = GalleryOptions.DefaultTitle;

    /// <summary>Only videos made from images of this path or name, or in this folder; wildcards are allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [NotBlank]
    public string[]? Source { get; set; }

    /// <summary>Only videos submitted at or after this moment.</summary>
    [Parameter]
    [Moment]
    [ValidateNotNull]
    public DateTime? Since { get; set; }

    /// <summary>Only tasks in one of these states.</summary>
    [Parameter]
    [Names]
    [ValidateNotNull]
    public KlingTaskState[]? State { get; set; }

    /// <summary>Choices that were saved from a page, to be shown again; wildcards are allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [NotBlank]
    public string[] ChoicePath { get; set; } = [];

    /// <summary>Copies the videos and images into a folder beside the page, so that both can be given to others, and leaves out everything about this machine.</summary>
    [Parameter]
    public SwitchParameter Portable { get; set; }

    /// <summary>Opens the page when it is written.</summary>
    [Parameter]
    public SwitchParameter Show { get; set; }

    /// <summary>Overwrites a file that is not a gallery.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override string HowToGive => "Say where the page goes, such as: Export-KlingGallery ./gallery.html.";

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Writing the gallery";

    /// <inheritdoc/>
    private protected override object? ErrorTarget => Path;

    /// <inheritdoc/>
    private protected override void OnBegin()
    {
        _isInput = MyInvocation.ExpectingInput || IsGiven(nameof(InputObject));

        // At the beginning of the pipeline, before an earlier command has worked for nothing.
        Context.RequireNotKept(GetFullPath(Path));
        _options = new GalleryOptions { Path = GetFullPath(Path), Title = Title, IsPortable = Portable, Overwrite = Force, Now = TimeProvider.System.GetUtcNow() };
        _writer = new GalleryWriter(_options);
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        foreach (PSObject? input in InputObject ?? [null])
        {
            try
            {
                _inputs.AddRange(GalleryInput.Read(input, Context.Shell.Paths).Select(read => (input!, read)));
            }
            catch (KlingException exception)
            {
                _refused++;
                RefuseInput(exception, input);
            }
        }
    }

    /// <inheritdoc/>
    private protected override void OnEnd()
    {
        (ITaskLedger ledger, string? account) = Context.LookAtRecords();
        GallerySource source = Await(token => GallerySource.ReadAsync(ledger, account, TimeProvider.System, token));
        List<GalleryEntry> all = _isInput ? Resolve(source, ledger) : ListAll(source);
        List<GalleryEntry> entries = Filter(all);
        if (entries.Count == 0)
        {
            // If an earlier command has said why there is nothing, that is enough.
            if (_refused == 0 && !(_isInput && _inputs.Count == 0 && Unfinished.HasErrors))
            {
                throw CreateNothingToShow(ledger, source, all.Count);
            }

            return;
        }

        (entries, DateTimeOffset? saved) = LoadChoices(source, entries);
        string videos = entries.Count == 1 ? "1 video" : FormattableString.Invariant($"{entries.Count} videos");
        if (!ShouldProcess(_options!.Path, Portable ? $"Write the gallery of {videos}, and copy them beside it" : $"Write the gallery of {videos}"))
        {
            return;
        }

        // Made here, because it is shown from other threads.
        CommandProgress progress = Context.Progress;
        var takes = new Takes(source.Recorded.Concat(entries.Select(entry => entry.Task).OfType<KlingVideoTask>()));
        WrittenGallery written = Await(token => _writer!.WriteAsync(
            entries,
            takes,
            saved,
            (done, all) => Post(() => progress.Show(FormattableString.Invariant($"{done} of {all} files copied"), done * 100 / all)),
            token));
        Context.CompleteProgress();
        if (Portable && written.Notes > 0)
        {
            WriteWarning(FormattableString.Invariant(
                $"Whoever gets '{_options.Path}' can read the {(written.Notes == 1 ? "note" : $"{written.Notes} notes")} in it. For a page without notes, export the same videos without their choice to another -Path."));
        }

        if (written.FormerMedia is string former)
        {
            WriteWarning($"The page shows the videos and images where they are. The copies of its portable form stay in '{former}'; delete that folder if nobody needs them any more.");
        }

        WriteObject(InvokeProvider.Item.Get([_options.Path], force: true, literalPath: true).First());
        if (Show && PageOpener.TryOpen(_options.Path) is string problem)
        {
            WriteWarning($"The gallery is written, but it was not opened: {problem}. Open '{_options.Path}' in a browser.");
        }
    }

    /// <summary>All tasks of the ledger; if there are none, what the sidecars in the folder of the page say.</summary>
    private List<GalleryEntry> ListAll(GallerySource source)
    {
        return source.Recorded.Count > 0 ? Await(ListTasksAsync) : ListFolder(source, System.IO.Path.GetDirectoryName(_options!.Path)!);

        async Task<List<GalleryEntry>> ListTasksAsync(CancellationToken cancellationToken)
        {
            var entries = new List<GalleryEntry>();
            foreach (KlingVideoTask task in source.Own)
            {
                cancellationToken.ThrowIfCancellationRequested();
                entries.Add(await source.OfAsync(task, cancellationToken).ConfigureAwait(false));
            }

            return entries;
        }
    }

    private List<GalleryEntry> Resolve(GallerySource source, ITaskLedger ledger)
    {
        var entries = new List<GalleryEntry>();
        foreach ((PSObject from, GalleryInput input) in _inputs)
        {
            try
            {
                List<GalleryEntry> found = Resolve(source, ledger, input);
                entries.AddRange(input.Choice is null ? found : found.Select(entry => entry with { Choice = input.Choice }));
            }
            catch (Exception exception) when (Failures.IsError(exception) && exception is not OperationCanceledException)
            {
                _refused++;
                WriteError(UnexpectedError.From(exception, input.Path ?? input.Reference?.ToString() ?? string.Empty), from);
            }
        }

        return entries;
    }

    private List<GalleryEntry> Resolve(GallerySource source, ITaskLedger ledger, GalleryInput input)
    {
        TaskReference? reference = input.Reference;
        if (reference?.Task is KlingVideoTask task)
        {
            return [Await(async token => await source.OfAsync(task, token).ConfigureAwait(false))];
        }

        if (input.Path is string path)
        {
            if (Directory.Exists(path))
            {
                return ListFolder(source, path);
            }

            if (Await(token => FindVideoAsync(source, path, reference?.TaskId, token)) is GalleryEntry video)
            {
                return [video];
            }

            if (reference is null)
            {
                // Other files in a folder of videos, such as their images.
                return File.Exists(path) ? [] : throw new KlingException(ErrorKind.PathNotFound, $"There is no video '{path}'.");
            }
        }

        KlingVideoTask? found = reference!.TaskId is string taskId ? source.Find(taskId) : source.Find(reference.Id ?? 0);
        return found is not null ? [Await(async token => await source.OfAsync(found, token).ConfigureAwait(false))] : throw new KlingException(ErrorKind.TaskNotFound, $"There is no {reference} in the ledger '{ledger.Location}'.");
    }

    private List<GalleryEntry> ListFolder(GallerySource source, string folder) => Await(async token =>
    {
        var entries = new List<GalleryEntry>();
        foreach (string path in Directory.Exists(folder) ? VideoFolder.List(folder, token) : [])
        {
            if (await source.FindVideoAsync(path, null, token).ConfigureAwait(false) is GalleryEntry entry)
            {
                entries.Add(entry);
            }
        }

        return entries;
    });

    private static async Task<GalleryEntry?> FindVideoAsync(GallerySource source, string path, string? taskId, CancellationToken cancellationToken)
        => VideoFolder.IsVideo(path) ? await source.FindVideoAsync(path, taskId, cancellationToken).ConfigureAwait(false) : null;

    private List<GalleryEntry> Filter(List<GalleryEntry> entries)
    {
        DateTimeOffset? since = MomentAttribute.Read(Since);
        HashSet<object>? ofSource = Source is null ? null
            : new SourceFilter(SessionState.Path.CurrentFileSystemLocation.Path, Context.Shell.Paths, WriteError)
                .Apply(entries.Select(entry => entry.Task).OfType<KlingVideoTask>(), Source)
                .ToHashSet<object>(ReferenceEqualityComparer.Instance);
        return
        [
            .. entries.Where(entry => (State is null || State.Contains(entry.Task?.TaskState ?? KlingTaskState.Succeeded))
                && (since is null || (entry.Task?.CreatedAt ?? File.GetLastWriteTimeUtc(entry.VideoPath!)) >= since)
                && (ofSource is null || (entry.Task is not null && ofSource.Contains(entry.Task)))),
        ];
    }

    private (List<GalleryEntry> Entries, DateTimeOffset? Saved) LoadChoices(GallerySource source, List<GalleryEntry> entries)
    {
        DateTimeOffset? saved = null;
        foreach (string path in Context.Shell.Paths.Resolve(ChoicePath, isLiteral: false, (exception, _) => throw exception))
        {
            ChoiceFile file = Await(token => ChoiceFile.ReadAsync(path, token)).WithKeys(source.KeyOf);
            foreach (KlingException problem in file.Problems)
            {
                WriteError(problem, path);
            }

            foreach (string doubled in file.Doubles)
            {
                WriteWarning(doubled);
            }

            Dictionary<string, GalleryChoice> choices = file.Rows.ToDictionary(row => row.Key, row => row.Choice, StringComparer.Ordinal);
            entries = [.. entries.Select(entry => choices.Remove(entry.Key, out GalleryChoice? choice) && (choice.SaysSomething || choice.At is not null) ? entry with { Choice = GalleryChoice.Later(entry.Choice, choice) } : entry)];
            int unknown = file.Rows.Count(row => row.Choice.SaysSomething && choices.ContainsKey(row.Key));
            if (unknown > 0 && choices.Count == file.Rows.Count)
            {
                throw new KlingException(ErrorKind.ChoiceInvalid, $"'{path}' is the choice of another gallery: none of its videos is in this one. The gallery was not written.")
                {
                    Advice = "Leave -ChoicePath out, name the choice of this gallery, or export the videos that it is about.",
                };
            }

            if (unknown > 0)
            {
                WriteWarning(FormattableString.Invariant($"{unknown} of the {file.Rows.Count} choices in '{path}' {(unknown == 1 ? "is of a video" : "are of videos")} that this gallery does not show. {(unknown == 1 ? "It is" : "They are")} in that file still."));
            }

            saved = file.Saved > saved || saved is null ? file.Saved : saved;
        }

        return (entries, saved);
    }

    /// <param name="ledger">The ledger that was searched.</param>
    /// <param name="source">What the ledger has.</param>
    /// <param name="excluded">How many there would be to show without the filters.</param>
    private KlingException CreateNothingToShow(ITaskLedger ledger, GallerySource source, int excluded)
    {
        string folder = System.IO.Path.GetDirectoryName(_options!.Path)!;
        if (excluded > 0)
        {
            string filters = string.Join(" and ", new[] { nameof(Source), nameof(Since), nameof(State) }.Where(IsGiven).Select(name => $"-{name}"));
            string where = _isInput ? "Nothing of what was given" : source.Recorded.Count > 0 ? $"No task in the ledger '{ledger.Location}'" : $"No video in '{folder}'";
            return new KlingException(ErrorKind.TaskNotFound, $"{where} matches {filters}, so no gallery was written.")
            {
                Advice = "Check the filters, or leave them out.",
            };
        }

        string what = _isInput ? (_inputs.Count == 0 ? "Nothing came through the pipeline" : "There is no video in what was given")
            : source.Recorded.Count > 0 ? $"None of the tasks in the ledger '{ledger.Location}' is known to belong to the account in use"
            : $"There are no tasks in the ledger '{ledger.Location}', and no videos in '{folder}'";
        return new KlingException(ErrorKind.TaskNotFound, $"{what}, so no gallery was written.")
        {
            Advice = "See with Get-KlingVideoTask what there is. Videos and folders of videos can be given through the pipeline: Get-Item ./videos | Export-KlingGallery gallery.html.",
        };
    }
}
