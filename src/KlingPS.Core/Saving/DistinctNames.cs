using System.Text;

namespace KlingPS.Core.Saving;

/// <summary>
/// Hands out every name once in a run: <c>photo.mp4</c>, then <c>photo-2.mp4</c>, and so on. Upper and lower case are
/// the same, as they are on Windows and macOS. Safe to use from several threads.
/// </summary>
public sealed class DistinctNames
{
    private readonly object _lock = new();
    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, int> _last = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a name, or the nearest one that is free.</summary>
    /// <param name="relativePath">A name as <see cref="NameTemplate.Expand"/> makes it.</param>
    /// <returns>The name itself or, if it was handed out before, with a number before its extension.</returns>
    public string Claim(string relativePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(relativePath);
        lock (_lock)
        {
            if (_taken.Add(relativePath))
            {
                return relativePath;
            }

            int start = relativePath.LastIndexOf('/') + 1;
            string name = relativePath[start..];
            string extension = SafeName.ExtensionOf(name);
            string stem = name[..^extension.Length];
            int number = _last.GetValueOrDefault(relativePath, 1);
            string candidate;
            do
            {
                string ending = FormattableString.Invariant($"-{++number}{extension}");
                int room = SafeName.MaximumFileBytes - Encoding.UTF8.GetByteCount(ending);
                candidate = relativePath[..start] + SafeName.Shorten(stem, room) + ending;
            }
            while (!_taken.Add(candidate));

            _last[relativePath] = number;
            return candidate;
        }
    }
}
