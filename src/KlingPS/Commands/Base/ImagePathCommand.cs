using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Parameters;

namespace KlingPS.Commands.Base;

/// <summary>A command that takes image files, by <c>-Path</c> with wildcards or by <c>-LiteralPath</c>.</summary>
public abstract class ImagePathCommand : KlingCommand
{
    private protected const string PathSet = "Path";
    private protected const string LiteralPathSet = "LiteralPath";

    private string? _givenPath;

    /// <summary>The image files; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [SupportsWildcards]
    [PathText]
    public virtual string[] Path { get; set; } = [];

    /// <summary>The image files, their names taken as they are.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "FullName", "LP")]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>How a message says to give the images, and what was taken for one of them, as sentences.</summary>
    /// <param name="taken">What was taken for the path of an image.</param>
    private protected virtual string AdviseOnInput(string taken) => "Leave one of them out.";

    /// <inheritdoc/>
    private protected override void CheckParameters()
    {
        _givenPath = MyInvocation.ExpectingInput && MyInvocation.BoundParameters.ContainsKey(nameof(Path)) ? Path.FirstOrDefault() : null;
        if (_givenPath is string name && !Context.Shell.Paths.LeadsToFile(name))
        {
            throw new KlingException(
                ErrorKind.RequestInvalid,
                $"Images come through the pipeline, and '{name}' was taken for -Path as well, because that comes first. {AdviseOnInput(name)}");
        }
    }

    /// <inheritdoc/>
    private protected override void CheckInput(PSObject row)
    {
        // Rows may well bring a prompt each for one image; a file or its name is another image.
        if (_givenPath is string name && row.BaseObject is FileSystemInfo or string)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"Images come through the pipeline, and -Path names '{name}' as well. Give all of them in one of the two ways. Nothing was bought.");
        }
    }

    /// <summary>The full paths of the files that the current input names. A name that leads to no file is reported.</summary>
    private protected IEnumerable<string> ResolveImagePaths() => ResolveImagePaths(WriteError);

    /// <inheritdoc cref="ResolveImagePaths()"/>
    /// <param name="onError">Is told of each name that leads to no file.</param>
    private protected IEnumerable<string> ResolveImagePaths(Action<KlingException, object?> onError)
    {
        bool isLiteral = ParameterSetName == LiteralPathSet;
        return Context.Shell.Paths.Resolve(isLiteral ? LiteralPath : Path, isLiteral, onError);
    }
}
