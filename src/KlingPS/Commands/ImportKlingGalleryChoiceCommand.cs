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

    private GallerySource? _source;
    private ITaskLedger? _ledger;
    private Takes? _takes;
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
    private protected override string HowToGive
        => "Say which choice, by the path of the file that the page of a gallery has saved: Import-KlingGalleryChoice ./gallery.choice.json.";

    /// <inheritdoc/>
    private protected override void OnBegin() => _folders = [.. VideoFolder.Select(GetFullPath)];

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        // A file from the pipeline is bound to both.
        bool isLiteral = IsGiven(nameof(LiteralPath)) || CurrentRow?.BaseObject is FileSystemInfo || Path is not { Length: > 0 };
        foreach (string path in Context.Shell.Paths.Resolve((isLiteral ? LiteralPath : Path) ?? [], isLiteral, WriteError))
        {
            try
            {
                Read(path);
            }
            catch (KlingException exception)
            {
                WriteErrorOrEnd(exception, path);
            }
        }
    }

    private void Read(string path)
    {
        ChoiceFile file = Await(token => ChoiceFile.ReadAsync(path, token));
        foreach (KlingException problem in file.Problems)
        {
            WriteError(problem, path);
        }

        GallerySource source = ReadLedgerOnce();
        var videos = new ChosenVideos(source, file, _folders);
        var found = new List<GalleryEntry>();
        var missing = new List<ChoiceRow>();
        foreach (ChoiceRow row in file.Rows)
        {
            if (Await(token => videos.FindAsync(row, token)) is GalleryEntry entry)
            {
                found.Add(entry);
            }
            else if (row.SaysSomething)
            {
                missing.Add(row);
            }
        }

        // Not one by one: a folder of videos may come only with the next file.
        found.ForEach(entry => WriteObject(Emit(entry)));
        if (found.Count == 0 && missing.Count > 1)
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
            _source = Await(token => GallerySource.ReadAsync(_ledger, account, token));
            _takes = new Takes(_source.Recorded);
        }

        return _source;
    }

    private PSObject Emit(GalleryEntry entry) => ChosenVideo.From(InvokeProvider.Item, entry, entry.Task is null ? null : _takes!.Next(entry.Task.Spec));
}
