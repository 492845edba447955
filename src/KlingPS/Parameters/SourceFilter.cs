using KlingPS.Core;
using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Finds the tasks of images as users name these: by a name, a path, an address, a pattern, or the folder that they are in.</summary>
internal sealed class SourceFilter
{
    private readonly string _location;
    private readonly FilePaths _paths;
    private readonly Action<KlingException, object?> _onError;

    /// <summary>Creates the filter.</summary>
    /// <param name="location">The full path of the current folder.</param>
    /// <param name="paths">Resolves names.</param>
    /// <param name="onError">Is told of each name that is no pattern either.</param>
    public SourceFilter(string location, FilePaths paths, Action<KlingException, object?> onError)
    {
        _location = location;
        _paths = paths;
        _onError = onError;
    }

    /// <summary>The tasks whose image has one of these names, or lies in the folder of that name; or, where there is neither, matches it.</summary>
    /// <param name="tasks">The tasks to choose from.</param>
    /// <param name="names">The names.</param>
    /// <returns>The tasks that are meant, each of them the very object.</returns>
    public IReadOnlySet<KlingVideoTask> Apply(IReadOnlyList<KlingVideoTask> tasks, IEnumerable<string> names)
    {
        var found = new HashSet<KlingVideoTask>(ReferenceEqualityComparer.Instance);
        foreach (string name in names)
        {
            var pattern = new NamePattern(name);
            try
            {
                List<KlingVideoTask> named = [.. tasks.Where(task => NamesOf(task).Any(pattern.Names))];
                named = named.Count == 0 && FindFolder(name) is string folder ? ListOfFolder(tasks, folder) : named;
                found.UnionWith(named.Count > 0 ? named : tasks.Where(task => NamesOf(task).Any(pattern.Matches)));
            }
            catch (KlingException exception)
            {
                _onError(exception, name);
            }
        }

        return found;
    }

    /// <summary>How a user may call the image of a task.</summary>
    private IEnumerable<string> NamesOf(KlingVideoTask task)
    {
        string? source = task.SourcePath ?? task.ImageUri;
        return source is null ? []
            : task.SourcePath is null ? [source, Path.GetFileName(source)]
            : [source, Path.GetFileName(source), Path.GetRelativePath(_location, source)];
    }

    /// <summary>The full path of the folder that a name means; <see langword="null"/> if there is none.</summary>
    private string? FindFolder(string name)
    {
        try
        {
            return _paths.GetFullPath(name) is string path && Directory.Exists(path) ? path : null;
        }
        catch (KlingException)
        {
            // An address, or a pattern that is no path.
            return null;
        }
    }

    /// <summary>The tasks of the images in a folder and below it.</summary>
    private static List<KlingVideoTask> ListOfFolder(IReadOnlyList<KlingVideoTask> tasks, string folder)
    {
        Place place = Place.Of(folder);
        var isWithin = new Dictionary<string, bool>(StringComparer.Ordinal);
        return [.. tasks.Where(task => task.SourcePath is string path && Path.IsPathFullyQualified(path) && IsWithin(Path.GetDirectoryName(path)!))];

        bool IsWithin(string below)
        {
            if (!isWithin.TryGetValue(below, out bool known))
            {
                isWithin.Add(below, known = Place.Of(below).IsWithin(place));
            }

            return known;
        }
    }
}
