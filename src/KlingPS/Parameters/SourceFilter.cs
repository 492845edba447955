using KlingPS.Core;
using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Finds the tasks of images that users name in any way: by a name, a path, an address, a pattern, or the folder that they are in.</summary>
internal sealed class SourceFilter
{
    private readonly string _location;
    private readonly FilePaths _paths;
    private readonly Action<KlingException, object?> _onError;

    /// <summary>Creates the filter.</summary>
    /// <param name="location">The full path of the current folder.</param>
    /// <param name="paths">Resolves names.</param>
    /// <param name="onError">Called for each name that is not a pattern either.</param>
    public SourceFilter(string location, FilePaths paths, Action<KlingException, object?> onError)
    {
        _location = location;
        _paths = paths;
        _onError = onError;
    }

    /// <summary>The tasks whose image has one of these names or is in the folder of that name; or, if there is neither, matches it.</summary>
    /// <param name="tasks">The tasks to choose from; each is examined once, and only those that a name means are kept.</param>
    /// <param name="names">The names.</param>
    /// <returns>The tasks that are meant, as the same objects, in the order of <paramref name="tasks"/>.</returns>
    public IReadOnlyList<KlingVideoTask> Apply(IEnumerable<KlingVideoTask> tasks, IEnumerable<string> names)
    {
        Search[] searches = [.. names.Select(name => new Search(name, FindFolder(name)))];
        int place = 0;
        foreach (KlingVideoTask task in tasks)
        {
            string[] called = [.. NamesOf(task)];
            foreach (Search search in searches)
            {
                search.Look(task, place, called);
            }

            place++;
        }

        foreach (Search search in searches.Where(search => search.Error is not null))
        {
            _onError(search.Error!, search.Name);
        }

        return [.. searches.SelectMany(search => search.Found).DistinctBy(found => found.Place).OrderBy(found => found.Place).Select(found => found.Task)];
    }

    /// <summary>What a user may call the image of a task.</summary>
    private IEnumerable<string> NamesOf(KlingVideoTask task)
    {
        string? source = task.SourcePath ?? task.ImageUri;
        return source is null ? []
            : task.SourcePath is null ? [source, Path.GetFileName(source)]
            : [source, Path.GetFileName(source), Path.GetRelativePath(_location, source)];
    }

    /// <summary>The full path of the folder that a name may mean, on disk or only in the records; <see langword="null"/> if it is not a path.</summary>
    private string? FindFolder(string name)
    {
        try
        {
            return _paths.GetFullPath(name);
        }
        catch (KlingException)
        {
            // It is an address, or a pattern that is not a path.
            return null;
        }
    }

    /// <summary>The search for what one name means.</summary>
    private sealed class Search(string name, string? folder)
    {
        private readonly NamePattern _pattern = new(name);
        private readonly Place? _folder = folder is null ? null : Place.Of(folder);
        private readonly Dictionary<string, bool> _isWithin = new(StringComparer.Ordinal);
        private readonly List<(int, KlingVideoTask)> _named = [];
        private readonly List<(int, KlingVideoTask)> _within = [];
        private readonly List<(int, KlingVideoTask)> _matching = [];
        private KlingException? _error;

        public string Name => name;

        public IEnumerable<(int Place, KlingVideoTask Task)> Found => _named.Count > 0 ? _named : _within.Count > 0 ? _within : _matching;

        /// <summary>Why nothing is meant by the name.</summary>
        public KlingException? Error => _named.Count > 0 || _within.Count > 0 ? null : _error;

        public void Look(KlingVideoTask task, int place, string[] called)
        {
            if (called.Any(_pattern.Names))
            {
                _named.Add((place, task));
            }
            else if (_named.Count == 0 && IsWithinFolder(task))
            {
                _within.Add((place, task));
            }
            else if (_named.Count == 0 && _within.Count == 0 && Matches(called))
            {
                _matching.Add((place, task));
            }
        }

        private bool IsWithinFolder(KlingVideoTask task)
        {
            if (_folder is null || task.SourcePath is not string path || !Path.IsPathFullyQualified(path))
            {
                return false;
            }

            string below = Path.GetDirectoryName(path)!;
            if (!_isWithin.TryGetValue(below, out bool known))
            {
                _isWithin.Add(below, known = Place.Of(below).IsWithin(_folder));
            }

            return known;
        }

        private bool Matches(string[] called)
        {
            try
            {
                return _error is null && called.Any(_pattern.Matches);
            }
            catch (KlingException exception)
            {
                _error = exception;
                return false;
            }
        }
    }
}
