namespace KlingPS.Tests.Hosting;

/// <summary>A folder that can be listed to its end by nobody, not even by root: the path of a folder in it is longer than Linux takes.</summary>
internal sealed class UnlistableFolder : IDisposable
{
    /// <summary>How many folders each half has; together they are as deep as folders are searched.</summary>
    private const int Levels = 8;

    private static readonly string s_name = new('n', 255);

    private readonly string _upper;
    private readonly string _lower;

    /// <param name="path">The full path of the folder.</param>
    public UnlistableFolder(string path)
    {
        FullName = path;
        _upper = path;
        for (int level = 0; level < Levels; level++)
        {
            _upper = Path.Combine(_upper, s_name);
        }

        // Nobody could create the lower half where it belongs, but it can be moved there.
        _lower = path + "-lower";
        Directory.CreateDirectory(_upper);
        Directory.CreateDirectory(Path.Combine(_lower, Path.GetRelativePath(path, _upper)));
        Directory.Move(Path.Combine(_lower, s_name), Path.Combine(_upper, s_name));
    }

    public string FullName { get; }

    /// <summary>Takes it apart, so that it can be deleted.</summary>
    public void Dispose() => Directory.Move(Path.Combine(_upper, s_name), Path.Combine(_lower, s_name));
}
