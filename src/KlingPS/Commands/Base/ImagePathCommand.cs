using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Display;
using KlingPS.Hosting;
using KlingPS.Parameters;

namespace KlingPS.Commands.Base;

/// <summary>A command that takes image files, by <c>-Path</c> with wildcards or by <c>-LiteralPath</c>.</summary>
public abstract class ImagePathCommand : KlingCommand
{
    private protected const string ByPath = "Path";
    private const string ByLiteralPath = "LiteralPath";

    private string? _givenPath;

    /// <summary>What the path of an image is read from; the best to be shown to people come first.</summary>
    private protected static string[] PathColumns { get; } = [nameof(Path), nameof(LiteralPath), "FullName", "PSPath", "LP"];

    /// <summary>The image files; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Usage(ByPath, IsRequired = true)]
    [SupportsWildcards]
    [PathText]
    [InPlaceOf(nameof(LiteralPath))]
    public virtual string[] Path { get; set; } = [];

    /// <summary>The image files, their names taken as they are.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Usage(ByLiteralPath, IsRequired = true)]
    [Alias("PSPath", "FullName", "LP")]
    [InPlaceOf(nameof(Path))]
    public string[] LiteralPath { get; set; } = [];

    /// <inheritdoc/>
    private protected override bool ReadsPaths => true;

    /// <inheritdoc/>
    private protected override string HowToGive
        => $"Say which images: by their paths, such as ./photos/*.jpg, or through the pipeline: Get-ChildItem ./photos | {MyInvocation.MyCommand.Name}.";

    /// <summary>
    /// Whether the current input names no image, without being a row of a table, where a blank cell may well mean none: a variable that was
    /// never set, or a blank line of a file, which brings the path of that file with it.
    /// </summary>
    private protected bool IsNothing => _givenPath is null && IsInputBlank;

    /// <summary>Whether no image file is named for the current input, or only blank cells are, and none has to be.</summary>
    private protected bool HasNoImagePath => !IsNothing && LacksImagePath;

    private bool LacksImagePath => IsChosen ? ChosenImage is null : BlankText.IsAll(Path) && BlankText.IsAll(LiteralPath);

    /// <summary>Whether the input is a task that was chosen in a gallery: then its image is meant, whatever path it brings.</summary>
    private bool IsChosen => _givenPath is null && CurrentRow is PSObject row && ChosenVideo.IsOne(row);

    /// <summary>Whether the input is such a task, and its image was a file.</summary>
    private protected bool HasChosenImage => IsChosen && ChosenImage is not null;

    /// <summary>The address of the image, if the input is such a task and its image was not a file of this machine.</summary>
    private protected string? ChosenImageUri => IsChosen && ChosenImage is null ? CurrentRow?.Properties[nameof(KlingVideoTask.ImageUri)]?.Value as string : null;

    /// <summary>Such a task, in the session that read the choice.</summary>
    private protected KlingVideoTask? ChosenTask => IsChosen ? CurrentRow?.BaseObject as KlingVideoTask : null;

    /// <summary>The image of such a task, if it was a file.</summary>
    private string? ChosenImage => CurrentRow?.Properties[nameof(KlingVideoTask.SourcePath)]?.Value as string;

    /// <summary>
    /// Whether the images are those of -LiteralPath. A file from the pipeline is bound to both; text that comes from a file has the path of
    /// that file with it, and a row that has a Path means that one.
    /// </summary>
    private bool IsLiteral => !BlankText.IsAll(LiteralPath) && (IsGiven(nameof(LiteralPath)) || CurrentRow?.BaseObject is FileSystemInfo || BlankText.IsAll(Path));

    /// <summary>How a message says to give the images, and what was used as the path of one, as sentences.</summary>
    /// <param name="taken">What was used as the path of an image.</param>
    private protected virtual string AdviseOnInput(string taken) => "Leave one of them out.";

    /// <inheritdoc/>
    private protected override void CheckParameters()
    {
        _givenPath = !MyInvocation.ExpectingInput ? null
            : IsGiven(nameof(Path)) ? Path?.FirstOrDefault()
            : IsGiven(nameof(LiteralPath)) ? LiteralPath?.FirstOrDefault()
            : null;
        if (_givenPath is string name && IsGiven(nameof(Path)) && !Context.Shell.Paths.LeadsToFile(name))
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Images come through the pipeline, and '{name}' was used as -Path as well, because that is the first parameter. {AdviseOnInput(name)}");
        }
    }

    /// <inheritdoc/>
    private protected override void CheckInput(PSObject row)
    {
        // Rows may each bring a prompt for one image, but a file or its name is another image.
        if (_givenPath is string name && row.BaseObject is FileSystemInfo or string)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"Images come through the pipeline, and -{(IsGiven(nameof(Path)) ? nameof(Path) : nameof(LiteralPath))} names '{name}' as well. Give all of them in one of the two ways.{NothingDone}");
        }
    }

    /// <summary>The full paths of the files that the current input names. A name that does not lead to a file is reported.</summary>
    private protected IEnumerable<string> ResolveImagePaths() => ResolveImagePaths(RefuseInput);

    /// <inheritdoc cref="ResolveImagePaths()"/>
    /// <param name="onError">Called for each name that does not lead to a file.</param>
    private protected IEnumerable<string> ResolveImagePaths(Action<KlingException, object?> onError)
    {
        if (IsNothing || LacksImagePath)
        {
            onError(new KlingException(ErrorKind.RequestInvalid, DescribeMissingImage()), CurrentRow?.BaseObject is string ? null : CurrentRow);
            return [];
        }

        if (IsChosen)
        {
            return Context.Shell.Paths.Resolve([ChosenImage!], isLiteral: true, onError);
        }

        bool isLiteral = IsLiteral;
        return Context.Shell.Paths.Resolve((isLiteral ? LiteralPath : Path) ?? [], isLiteral, onError);
    }

    /// <summary>Why the current input names no image: it has an empty path, or none at all, as an object of another kind of which only something else was read.</summary>
    private string DescribeMissingImage()
    {
        if (IsNothing || CurrentRow is not { BaseObject: not string } row || PathColumns.Any(name => row.Properties[name] is not null))
        {
            return "An empty value was given instead of the path of an image.";
        }

        string what = row.BaseObject is PSCustomObject ? "a row" : WrappedObject.Describe(row.BaseObject);
        string problem = $"What came through the pipeline is {what} that names no image: it has neither {nameof(Path)} nor {nameof(LiteralPath)}.";
        return row.Properties[nameof(KlingVideoTask.SourcePath)] is null ? problem
            : $"{problem} Its {nameof(KlingVideoTask.SourcePath)} does: … | ForEach-Object {nameof(KlingVideoTask.SourcePath)} | {MyInvocation.MyCommand.Name}.";
    }
}
