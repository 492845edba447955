using System.Globalization;
using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Gallery;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Display;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Reads what was chosen on the page of a gallery. Nothing is bought, changed or deleted.</summary>
[Cmdlet(VerbsData.Import, "KlingGalleryChoice")]
[OutputType(typeof(KlingVideoTask), typeof(FileInfo))]
public sealed class ImportKlingGalleryChoiceCommand : KlingCommand
{
    private const string ByPath = "Path";
    private const string ByLiteralPath = "LiteralPath";

    private readonly List<ChoiceFile> _files = [];
    private GallerySource? _source;
    private ITaskLedger? _ledger;
    private IReadOnlyList<string> _folders = [];

    /// <summary>The choices that were saved, JSON or CSV; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Usage(ByPath, IsRequired = true)]
    [SupportsWildcards]
    [PathText]
    public string[] Path { get; set; } = [];

    /// <summary>The choices that were saved, their names taken as they are.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Usage(ByLiteralPath, IsRequired = true)]
    [Alias("PSPath", "FullName", "LP")]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>Folders with videos and their sidecars, for videos that the ledger does not have.</summary>
    [Parameter]
    [NotBlank]
    public string[] VideoFolder { get; set; } = [];

    /// <inheritdoc/>
    private protected override bool ReadsPaths => true;

    /// <inheritdoc/>
    private protected override string HowToGive
        => "Say which choice, by the path of the file that the page of a gallery has saved: Import-KlingGalleryChoice ./gallery.choice.json.";

    /// <inheritdoc/>
    private protected override void OnBegin()
    {
        _folders = [.. VideoFolder.Select(GetFullPath)];
        if (_folders.FirstOrDefault(folder => !Directory.Exists(folder)) is string missing)
        {
            throw new KlingException(ErrorKind.PathNotFound, $"-VideoFolder names '{missing}', and there is no such folder. Nothing was read.");
        }
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        if (BlankText.IsAll(Path) && BlankText.IsAll(LiteralPath))
        {
            WriteError(new KlingException(ErrorKind.RequestInvalid, "An empty value was given instead of the path of a choice."), null);
            return;
        }

        // A file from the pipeline is bound to both.
        bool isLiteral = IsGiven(nameof(LiteralPath)) || CurrentRow?.BaseObject is FileSystemInfo || Path is not { Length: > 0 };
        foreach (string path in Context.Shell.Paths.Resolve((isLiteral ? LiteralPath : Path) ?? [], isLiteral, WriteError))
        {
            try
            {
                GallerySource source = ReadLedgerOnce();
                _files.Add(Await(token => ChoiceFile.ReadAsync(path, token)).WithKeys(source.KeyOf));
            }
            catch (KlingException exception)
            {
                WriteErrorOrEnd(exception, path);
            }
        }
    }

    /// <inheritdoc/>
    private protected override void OnEnd()
    {
        // What an earlier file says may have been decided otherwise in a later one.
        foreach (ChoiceFile file in ChoiceFile.Merge(_files))
        {
            try
            {
                Write(ReadLedgerOnce(), file, isOvertaken: file.Rows.Count < _files.First(read => read.Path == file.Path).Rows.Count);
            }
            catch (KlingException exception)
            {
                WriteErrorOrEnd(exception, file.Path);
            }
        }
    }

    /// <param name="source">The tasks of the ledger.</param>
    /// <param name="file">The part of the choice that counts.</param>
    /// <param name="isOvertaken">Whether something in it is superseded by later choices.</param>
    private void Write(GallerySource source, ChoiceFile file, bool isOvertaken)
    {
        string path = file.Path;
        foreach (KlingException problem in file.Problems)
        {
            WriteError(problem, path);
        }

        foreach (string doubled in file.Doubles)
        {
            WriteWarning(doubled);
        }

        var videos = new ChosenVideos(source, file, _folders);
        var found = new List<GalleryEntry>();
        var missing = new List<ChoiceRow>();
        foreach (ChoiceRow row in file.Rows)
        {
            if (Await(token => videos.FindAsync(row, token)) is GalleryEntry entry)
            {
                found.Add(entry);
            }
            else if (row.Choice.SaysSomething)
            {
                missing.Add(row);
            }
        }

        // Not one by one, because a folder of videos may come only with the next file.
        IReadOnlyList<KlingVideoTask> beside = Await(token => videos.ReadTakesAsync(found, token));
        var takes = new Takes(source.Recorded.Concat(beside).Concat(found.Select(entry => entry.Task).OfType<KlingVideoTask>()));
        var answers = found.Select(entry => (Entry: entry, Answer: entry.Task is KlingVideoTask task ? takes.Answer(task, IsThere(entry), entry.SavedAt, entry.Choice!, source.Now) : default)).ToList();
        WarnOfHolds(path, takes, answers);
        var files = VideoFiles.Of(() => InvokeProvider.Item);
        answers.ForEach(chosen => WriteObject(ChosenVideo.From(files, chosen.Entry, IsThere(chosen.Entry), chosen.Answer.Take, path, source.Now)));
        if (found.Count == 0 && missing.Count > 1 && !isOvertaken)
        {
            throw new KlingException(
                ErrorKind.ChoiceInvalid,
                $"'{path}' is the choice of another gallery: none of its {missing.Count} videos is in the ledger '{_ledger!.Location}', nor where the page was.")
            {
                Advice = "Name the folder of the videos with -VideoFolder, or the ledger with the environment variable KLINGPS_LEDGER.",
            };
        }

        foreach (ChoiceRow row in missing)
        {
            WriteError(
                new KlingException(ErrorKind.TaskNotFound, $"{row} of '{path}' was left out: its video is neither in the ledger '{_ledger!.Location}' nor where the page was.")
                {
                    Advice = "Name the folder of the video with -VideoFolder, or the ledger with the environment variable KLINGPS_LEDGER.",
                },
                path);
        }
    }

    private GallerySource ReadLedgerOnce()
    {
        if (_source is null)
        {
            (_ledger, string? account) = Context.LookAtRecords();
            _source = Await(token => GallerySource.ReadAsync(_ledger, account, TimeProvider.System, token));
        }

        return _source;
    }

    private static bool IsThere(GalleryEntry entry) => File.Exists(entry.VideoPath);

    /// <summary>Warns which videos get no new take as long as they are not settled; a picked video needs none.</summary>
    private void WarnOfHolds(string path, Takes takes, IEnumerable<(GalleryEntry Entry, (int Take, TakeHold Hold) Answer)> answers)
    {
        foreach (IGrouping<TakeHold, GalleryEntry> held in answers
            .Where(chosen => chosen.Answer.Hold is not (TakeHold.None or TakeHold.NothingMade) && chosen.Entry.Choice is { SaysSomething: true, Decision: not Decision.Picked })
            .GroupBy(chosen => chosen.Answer.Hold, chosen => chosen.Entry)
            .OrderBy(held => held.Key))
        {
            string ids = string.Join(", ", held.Select(entry => entry.Task!.Id.ToString(CultureInfo.InvariantCulture)));
            bool isOne = held.Count() == 1;
            string tasks = isOne ? $"Task {ids} in '{path}' gets" : $"Tasks {ids} in '{path}' get";
            string they = isOne ? "it is" : "they are";
            string were = isOne ? "it was" : "they were";
            string them = isOne ? "it" : "them";
            string why = held.Key switch
            {
                TakeHold.Unknown => $"it is not known whether {were} bought. Check https://kie.ai/logs, and resolve {(isOne ? "it" : "each")} with Resolve-KlingVideoTask and -TaskId, -Abandon or -Resubmit",
                TakeHold.Pending => $"{they} not finished. Get-KlingVideoTask -Id {ids} | Wait-KlingVideoTask | Save-KlingVideo gets {them}",
                TakeHold.Unsaved => $"{they} paid for and not saved. Get-KlingVideoTask -Id {ids} | Save-KlingVideo gets {them}",
                TakeHold.LaterIsOpen => $"a later take of {them} is not settled yet. Get-KlingVideoTask -Id {string.Join(", ", held.Select(entry => takes.FindOpenAfter(entry.Task!)!.Id).Distinct())} shows it, and NextTake is that one",
                TakeHold.Unseen => $"{were} chosen before there was a video to be seen. Look at {them}, and choose {them} again",
                _ => $"{were} chosen at a time that is still in the future by the ledger's clock. Correct the clock of the machine that the browser runs on, and choose {them} again",
            };
            WriteWarning($"{tasks} no other take: {why}.{(held.Key == TakeHold.LaterIsOpen ? string.Empty : $" Until then, NextTake is the take that {they}.")}");
        }
    }
}
