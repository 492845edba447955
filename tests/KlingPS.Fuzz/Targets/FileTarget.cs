namespace KlingPS.Fuzz.Targets;

/// <summary>A target that reads files.</summary>
internal abstract class FileTarget : FuzzTarget
{
    /// <summary>A folder of the target's own.</summary>
    protected DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory("klingps-fuzz-");

    protected string PathOf(string name) => Path.Combine(Folder.FullName, name);

    protected override void Dispose(bool isDisposing)
    {
        if (isDisposing)
        {
            Folder.Delete(recursive: true);
        }

        base.Dispose(isDisposing);
    }
}
