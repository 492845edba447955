using System.Buffers;
using System.Text;

namespace KlingPS.Core.Files;

/// <summary>
/// A place for a file or a folder, which need not exist yet: where a path leads to once links are followed. Two paths are the same place if
/// what is written to one is found at the other, whichever links, junctions, mounts, upper and lower case or Unicode forms they are spelled
/// with. Only the file system knows, so it is asked.
/// </summary>
internal sealed class Place
{
    /// <summary>More links than any system follows.</summary>
    private const int MaxLinks = 64;

    private readonly FileId? _existingId;

    private Place(string existing, IReadOnlyList<string> missing)
    {
        Existing = existing;
        Missing = missing;
        _existingId = FileFacts.TryOf(existing)?.Id;
        Path = missing.Aggregate(existing, System.IO.Path.Combine);
    }

    /// <summary>The full path without any link, as far as it exists.</summary>
    public string Path { get; }

    /// <summary>The full path, without any link, of the deepest file or folder on the way that exists.</summary>
    public string Existing { get; }

    /// <summary>The names below <see cref="Existing"/> that do not exist yet, from the top; none if the place exists.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>Finds the place of a path, as it is at this moment.</summary>
    /// <param name="path">The full path.</param>
    /// <exception cref="ArgumentException">It is not a full path.</exception>
    public static Place Of(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!System.IO.Path.IsPathFullyQualified(path))
        {
            throw new ArgumentException("A place is found by its full path.", nameof(path));
        }

        string full = System.IO.Path.GetFullPath(path);
        string reached = System.IO.Path.GetPathRoot(full)!;
        var names = new Stack<string>(Split(full[reached.Length..]).Reverse());
        for (int links = 0; names.TryPop(out string? name);)
        {
            string next = name == ".." ? System.IO.Path.GetDirectoryName(reached) ?? reached : System.IO.Path.Combine(reached, name);

            // Where access is denied, nothing beyond it can be followed.
            FileFacts? facts = FileFacts.TryOfName(next);
            if (facts is null || links > MaxLinks)
            {
                return new Place(reached, [name, .. names]);
            }

            if (facts.Kind != FileKind.Link || TryReadLink(next) is not string target)
            {
                reached = next;
                continue;
            }

            links++;
            string root = System.IO.Path.GetPathRoot(target)!;
            reached = root.Length > 0 ? System.IO.Path.GetPathRoot(System.IO.Path.GetFullPath(root, reached))! : reached;
            foreach (string part in Split(target[root.Length..]).Reverse())
            {
                names.Push(part);
            }
        }

        return new Place(reached, []);
    }

    /// <summary>Whether two paths are the same place.</summary>
    /// <param name="one">A full path.</param>
    /// <param name="other">A full path.</param>
    public static bool IsSame(string one, string other)
        => string.Equals(one, other, StringComparison.Ordinal) || Of(one).IsSameAs(Of(other));

    /// <summary>Whether this is the same place as another.</summary>
    public bool IsSameAs(Place other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (string.Equals(Path, other.Path, StringComparison.Ordinal))
        {
            return true;
        }

        // A file system that does not tell its files apart is treated as one that ignores upper and lower case: the safer mistake.
        if (_existingId is not FileId id || other._existingId is not FileId otherId)
        {
            return NameRule.IsAlike(Path, other.Path);
        }

        return id == otherId
            && Missing.Count == other.Missing.Count
            && (Missing.SequenceEqual(other.Missing, StringComparer.Ordinal)
                || (Missing.Zip(other.Missing).All(pair => NameRule.IsAlike(pair.First, pair.Second)) && AreSameNames(other)));
    }

    /// <summary>Whether this place is a folder's own, or lies below it.</summary>
    /// <param name="folder">The folder.</param>
    public bool IsWithin(Place folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (Path.StartsWith(folder.Path, StringComparison.Ordinal)
            && (Path.Length == folder.Path.Length
                || System.IO.Path.EndsInDirectorySeparator(folder.Path)
                || Path[folder.Path.Length] == System.IO.Path.DirectorySeparatorChar))
        {
            return true;
        }

        for (string? path = Path; path is not null; path = System.IO.Path.GetDirectoryName(path))
        {
            if (Of(path).IsSameAs(folder))
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc/>
    public override string ToString() => Path;

    /// <summary>Whether the folder would treat the names that do not exist yet as the same.</summary>
    private bool AreSameNames(Place other)
    {
        NameRule rule = NameRule.Of(Existing);
        return Missing.Zip(other.Missing).All(pair => rule.IsSame(pair.First, pair.Second));
    }

    private static IEnumerable<string> Split(string path) => path
        .Split([System.IO.Path.DirectorySeparatorChar, System.IO.Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries)
        .Where(name => name != ".");

    private static string? TryReadLink(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

/// <summary>Which names a folder treats as the same: whether it tells apart upper and lower case, and forms of composed characters. Found out from its content.</summary>
internal sealed class NameRule
{
    /// <summary>How many names of a folder are tried.</summary>
    private const int MaxTries = 64;

    private readonly bool _mindsCase;
    private readonly bool _mindsForm;

    private NameRule(bool mindsCase, bool mindsForm)
    {
        _mindsCase = mindsCase;
        _mindsForm = mindsForm;
    }

    /// <summary>A name with its composed characters in one form, so that names which are alike differ at most in upper and lower case.</summary>
    public static string Composed(string text) => TryNormalize(text, NormalizationForm.FormC);

    /// <summary>Whether two names differ at most in upper and lower case and in the form of composed characters.</summary>
    public static bool IsAlike(string one, string other)
        => string.Equals(Composed(one), Composed(other), StringComparison.OrdinalIgnoreCase);

    /// <summary>Finds the rule of a folder. If nothing in it or above it shows a difference, names are treated as the same: the safer mistake.</summary>
    /// <param name="folder">The full path.</param>
    public static NameRule Of(string folder) => Of(folder, path => Directory.EnumerateFileSystemEntries(path), path => FileFacts.OfName(path)?.Id);

    /// <inheritdoc cref="Of(string)"/>
    /// <param name="folder">The full path.</param>
    /// <param name="list">Lists the full paths of what is in a folder.</param>
    /// <param name="identify">Tells which file has a path.</param>
    internal static NameRule Of(string folder, Func<string, IEnumerable<string>> list, Func<string, FileId?> identify) => new(
        Minds(folder, name => name.ToUpperInvariant() is var upper && upper != name ? upper : name.ToLowerInvariant(), list, identify) ?? false,
        Minds(folder, name => Composed(name) is var composed && composed != name ? composed : Decomposed(name), list, identify) ?? false);

    /// <summary>Whether the folder treats two names as the same.</summary>
    public bool IsSame(string one, string other)
    {
        (one, other) = _mindsForm ? (one, other) : (Composed(one), Composed(other));
        return string.Equals(one, other, _mindsCase ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Whether a folder treats another spelling of a name as another name.</summary>
    /// <returns><see langword="null"/> when no name in it or above it has another spelling.</returns>
    private static bool? Minds(string folder, Func<string, string> respell, Func<string, IEnumerable<string>> list, Func<string, FileId?> identify)
    {
        try
        {
            for (string? path = folder; path is not null; path = Path.GetDirectoryName(path))
            {
                foreach (string entry in list(path).Take(MaxTries))
                {
                    string name = Path.GetFileName(entry);
                    string other = respell(name);
                    if (other != name && identify(entry) is FileId id)
                    {
                        return identify(Path.Combine(path, other)) != id;
                    }
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Then it is not known.
        }

        return null;
    }

    private static string Decomposed(string text) => TryNormalize(text, NormalizationForm.FormD);

    /// <summary>Half a surrogate pair and U+FFFE have no normal form; the text before and after them does.</summary>
    private static string TryNormalize(string text, NormalizationForm form)
    {
        try
        {
            return text.Normalize(form);
        }
        catch (ArgumentException)
        {
            return NormalizePieces(text, form);
        }
    }

    private static string NormalizePieces(string text, NormalizationForm form)
    {
        var normalized = new StringBuilder();
        int whole = 0;
        for (int i = 0; i < text.Length;)
        {
            bool isCharacter = Rune.DecodeFromUtf16(text.AsSpan(i), out Rune rune, out int length) == OperationStatus.Done && rune.Value != 0xFFFE;
            if (!isCharacter)
            {
                normalized.Append(text[whole..i].Normalize(form)).Append(text[i]);
                whole = i + length;
            }

            i += length;
        }

        return normalized.Append(text[whole..].Normalize(form)).ToString();
    }
}
