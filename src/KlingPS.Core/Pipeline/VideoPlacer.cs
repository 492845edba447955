using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using KlingPS.Core.Downloads;
using KlingPS.Core.Ledger;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Pipeline;

/// <summary>
/// Decides what each video of a run is called, so that no two are called the same, none takes the place of a file it may
/// not replace, and each keeps its name in the next run.
/// </summary>
internal sealed partial class VideoPlacer
{
    /// <summary>Tokens whose value comes with the purchase.</summary>
    private static readonly string[] s_tokensOfTask = ["TaskId", "Id", "Date"];

    private readonly KlingSession _session;
    private readonly SaveOptions _options;
    private readonly FileHashes _hashes;
    private readonly DistinctNames _names = new();
    private readonly ConcurrentDictionary<string, VideoName> _owners = new();
    private readonly ConcurrentDictionary<VideoName, string> _numbered = new();
    private readonly object _lock = new();
    private Task<HashSet<string>>? _savedPaths;

    public VideoPlacer(KlingSession session, SaveOptions options, FileHashes hashes)
    {
        _session = session;
        _options = options;
        _hashes = hashes;
    }

    /// <summary>Whether a video can be named before it is bought.</summary>
    public bool NamesBeforePurchase => !_options.Template.Tokens.Overlaps(s_tokensOfTask);

    /// <summary>Takes a name for a video.</summary>
    public VideoName Name(NameTemplateValues values)
    {
        string wanted = _options.Template.Expand(values);
        return new VideoName(wanted, _names.Claim(wanted));
    }

    /// <summary>Finds the place of a video.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="task">Its purchase, if it has been made.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>: a file that may not be replaced is there.</exception>
    public async Task<VideoPlace> FindAsync(VideoName name, KlingVideoTask? task, CancellationToken cancellationToken)
    {
        string path = _numbered.GetValueOrDefault(name) ?? PathOf(name.Claimed);
        if (await _hashes.MatchAsync(path, task?.SavedHash, cancellationToken).ConfigureAwait(false) && Take(path, name))
        {
            return new VideoPlace(path, IsThere: true);
        }

        // Or it got another number in an earlier run, among other videos.
        if (task?.SavedPath is string saved
            && IsVariantOf(saved, PathOf(name.Wanted))
            && await _hashes.MatchAsync(saved, task.SavedHash, cancellationToken).ConfigureAwait(false)
            && Take(saved, name))
        {
            _names.Claim(Path.GetRelativePath(_options.Destination, saved).Replace(Path.DirectorySeparatorChar, '/'));
            return new VideoPlace(saved, IsThere: true);
        }

        while (true)
        {
            bool exists = File.Exists(path);
            bool isRecorded = exists && path != task?.SavedPath && (await GetSavedPathsAsync(cancellationToken).ConfigureAwait(false)).Contains(path);
            if (exists && !isRecorded && !_options.Overwrite)
            {
                throw PartialFile.Exists(path);
            }

            if (!isRecorded && Take(path, name))
            {
                return new VideoPlace(path, IsThere: false);
            }

            // Another task's video, which is paid for as well, is or will be there; not even force replaces it.
            path = _numbered[name] = PathOf(_names.Claim(name.Wanted));
        }
    }

    /// <summary>Takes a path for the video of a name, unless another of this run has it.</summary>
    private bool Take(string path, VideoName name) => _owners.GetOrAdd(path, name) == name;

    private string PathOf(string name) => NameTemplate.Combine(_options.Destination, name);

    private Task<HashSet<string>> GetSavedPathsAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_savedPaths is null or { IsCanceled: true } or { IsFaulted: true })
            {
                _savedPaths = ReadAsync();
            }

            return _savedPaths;
        }

        async Task<HashSet<string>> ReadAsync()
            => [.. await _session.Ledger.ListSavedPathsAsync(_options.Destination, cancellationToken).ConfigureAwait(false)];
    }

    /// <summary>Whether a file is another with, at most, the number behind its name that keeps names distinct.</summary>
    private static bool IsVariantOf(string path, string wanted)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        string stem = Path.GetFileNameWithoutExtension(wanted);
        return Path.GetDirectoryName(path) == Path.GetDirectoryName(wanted)
            && Path.GetExtension(path) == Path.GetExtension(wanted)
            && name.StartsWith(stem, StringComparison.Ordinal)
            && (name.Length == stem.Length || DistinguishingNumber().IsMatch(name.AsSpan(stem.Length)));
    }

    [GeneratedRegex(@"^-\d+$")]
    private static partial Regex DistinguishingNumber();
}
