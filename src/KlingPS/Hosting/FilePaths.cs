using System.Buffers;
using System.Collections.ObjectModel;
using System.IO.Enumeration;
using System.Management.Automation;
using System.Text;
using KlingPS.Core;
using KlingPS.Core.Network;

namespace KlingPS.Hosting;

/// <summary>Turns names that a user gives into full paths of files.</summary>
internal sealed class FilePaths
{
    private const string FileSystem = "FileSystem";

    /// <summary>What stands for bytes that are not characters.</summary>
    private const char Unreadable = '\uFFFD';

    /// <summary>What the shell lists unless it is forced to list more.</summary>
    private static readonly EnumerationOptions s_visible = new() { AttributesToSkip = FileAttributes.Hidden, IgnoreInaccessible = false };

    private readonly PathIntrinsics _paths;

    /// <summary>Creates the resolver.</summary>
    /// <param name="paths">Knows the current location and the drives of the session.</param>
    public FilePaths(PathIntrinsics paths)
    {
        _paths = paths;
    }

    /// <summary>Resolves names: see <see cref="Find"/>.</summary>
    /// <param name="names">The names.</param>
    /// <param name="isLiteral">Whether wildcards in them are ordinary characters.</param>
    /// <param name="onError">Called for each name that leads to no file.</param>
    /// <returns>Full paths. A folder that is named without wildcards is among them, so that it is refused with the reason.</returns>
    public IEnumerable<string> Resolve(IEnumerable<string> names, bool isLiteral, Action<KlingException, object?> onError)
    {
        // All at once: what is done with the first files may change the current location, in a command further down the pipeline.
        var all = new List<(string Name, IEnumerable<string> Found, KlingException? Error)>();
        foreach (string? name in names)
        {
            try
            {
                // To the shell, nothing at all would be the current folder.
                all.Add(string.IsNullOrWhiteSpace(name)
                    ? (name ?? string.Empty, [], new KlingException(ErrorKind.RequestInvalid, "An empty value was given instead of a path."))
                    : (name, isLiteral ? [GetLiteralPath(name)] : Find(name), null));
            }
            catch (KlingException exception)
            {
                all.Add((name, [], exception));
            }
        }

        foreach ((string name, IEnumerable<string> found, KlingException? error) in all)
        {
            if (error is not null)
            {
                onError(error, name);
            }

            foreach (string path in found)
            {
                if (path.Contains(Unreadable, StringComparison.Ordinal) && !name.Contains(Unreadable, StringComparison.Ordinal) && !Path.Exists(path))
                {
                    onError(CreateNotUtf8(path), path);
                    continue;
                }

                yield return path;
            }
        }
    }

    /// <summary>The full path of the one file that a name means; it need not exist.</summary>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.PathNotFound"/>: as <see cref="Find"/>. <see cref="ErrorKind.RequestInvalid"/>: the name is a pattern for several files.
    /// </exception>
    public string ResolveOne(string name) => Find(name).Take(2).ToArray() is [var path]
        ? path
        : throw new KlingException(ErrorKind.RequestInvalid, $"'{name}' matches several files, and only one can be taken here. Name it in full.");

    /// <summary>The full path of the file that a name means now, wherever the current location is later; the name as it is if it leads to none.</summary>
    public string Fix(string name)
    {
        try
        {
            return Find(name).Take(2).ToArray() is [var path] && Path.Exists(path) ? path : name;
        }
        catch (KlingException)
        {
            return name;
        }
    }

    /// <summary>Whether a name means a file or folder that exists, or a pattern that some match.</summary>
    public bool LeadsToFile(string name)
    {
        try
        {
            return Find(name).Any(Path.Exists);
        }
        catch (KlingException)
        {
            return false;
        }
    }

    /// <summary>
    /// The full path of a file or folder that need not exist: the one of that name if there is one; else with its escapes read, as
    /// completion writes them: <c>shot `[2`]</c>.
    /// </summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.PathNotFound"/>: the path is not one of the file system.</exception>
    public string GetFullPath(string name)
        => FindExisting(name) ?? GetLiteralPath(WildcardPattern.Unescape(name));

    /// <summary>The full path of a file or folder that need not exist, its name taken as it is.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.PathNotFound"/>: the path is not one of the file system.</exception>
    public string GetLiteralPath(string path)
    {
        if (FindDamage(path) is string damage)
        {
            throw new KlingException(ErrorKind.PathNotFound, $"'{path}' is not a path on this machine: it has {damage}.");
        }

        try
        {
            string full = _paths.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
            if (provider.Name != FileSystem)
            {
                throw CreateNotFileSystem(path, provider);
            }

            // Even on systems where a backslash may be in a name, the shell takes it for a slash.
            if (!OperatingSystem.IsWindows() && path.Contains('\\', StringComparison.Ordinal) && !Path.Exists(full)
                && Path.Combine(_paths.CurrentFileSystemLocation.ProviderPath, path) is string named && Path.Exists(named))
            {
                return Path.GetFullPath(named);
            }

            // What the shell leaves as it is would be a name in the folder that the process was started in.
            return Path.IsPathFullyQualified(full)
                ? Path.GetFullPath(full)
                : throw new KlingException(ErrorKind.PathNotFound, $"'{path}' is not a path on this machine: it is that of a Windows share. Mount the share, and give the path that it has here.");
        }
        catch (Exception exception) when (IsOfPath(exception))
        {
            // Where a colon may be in a name, 'a:b.png' need not be on a drive.
            string here = Path.Combine(_paths.CurrentFileSystemLocation.ProviderPath, path);
            return exception is System.Management.Automation.DriveNotFoundException && Path.Exists(here)
                ? here
                : throw CreateAddress(path) ?? new KlingException(ErrorKind.PathNotFound, $"'{path}' is not a path on this machine: {exception.Message}", exception);
        }
    }

    /// <summary>What no name of a file can have. Half a character can be in one on Windows only; elsewhere it would become another.</summary>
    private static string? FindDamage(string path)
        => path.Contains('\0', StringComparison.Ordinal) ? "a NUL character in it"
            : !OperatingSystem.IsWindows() && HasHalf(path) ? "half of a character in it"
            : null;

    private static bool HasHalf(string text)
    {
        for (ReadOnlySpan<char> rest = text; !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out int length) != OperationStatus.Done)
            {
                return true;
            }

            rest = rest[length..];
        }

        return false;
    }

    /// <summary>The full path of a file that may be on another machine; the path as it is if this machine does not know it.</summary>
    /// <returns><see langword="null"/> for a blank path.</returns>
    public string? TryGetFullPath(string? path)
    {
        if (string.IsNullOrWhiteSpace(path))
        {
            return null;
        }

        try
        {
            return GetLiteralPath(path);
        }
        catch (KlingException)
        {
            return path;
        }
    }

    /// <summary>
    /// What a name means: the file or folder of that name, if there is one; else what it says with its escapes read; else, if it has
    /// wildcards, the files that match it.
    /// </summary>
    /// <returns>Full paths, at least one.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.PathNotFound"/>: no file matches, or the name is neither a path nor a pattern.</exception>
    private IEnumerable<string> Find(string name)
    {
        if (FindExisting(name) is string existing)
        {
            return [existing];
        }

        if (name.Contains(Unreadable, StringComparison.Ordinal))
        {
            throw new KlingException(
                ErrorKind.PathNotFound,
                $"There is no file '{name}'. Its name has characters that could not be read (U+FFFD): the list it comes from is not in the encoding that it was read in. Save the list as UTF-8.");
        }

        return WildcardPattern.ContainsWildcardCharacters(name) ? ResolveWildcards(name) : [GetFullPath(name)];
    }

    /// <summary>The file or folder of a name, taken as it is; <see langword="null"/> if there is none.</summary>
    private string? FindExisting(string name)
    {
        try
        {
            return GetLiteralPath(name) is string path && Path.Exists(path) ? path : null;
        }
        catch (KlingException)
        {
            // A pattern need not be a valid path.
            return null;
        }
    }

    private IEnumerable<string> ResolveWildcards(string name)
    {
        Collection<string> matches = [];
        try
        {
            if (List(name) is IEnumerable<string> listed)
            {
                return listed;
            }

            matches = _paths.GetResolvedProviderPathFromPSPath(EscapeFolder(name), out ProviderInfo provider);
            if (provider.Name != FileSystem)
            {
                throw CreateNotFileSystem(name, provider);
            }
        }
        catch (WildcardPatternException exception)
        {
            throw new KlingException(
                ErrorKind.PathNotFound,
                $"There is no file '{name}', and it is not a pattern either. Check the path; in a pattern, write `[ for a bracket in a name.",
                exception);
        }
        catch (ItemNotFoundException)
        {
            // Nothing matches.
        }
        catch (Exception exception) when (IsOfPath(exception))
        {
            throw new KlingException(ErrorKind.PathNotFound, $"'{name}' is not a path on this machine: {exception.Message}", exception);
        }

        List<string> files = [.. matches.Where(match => !Directory.Exists(match))];
        return files.Count > 0 ? files : throw new KlingException(ErrorKind.PathNotFound, $"No file matches '{name}'.");
    }

    /// <summary>
    /// The files that match a pattern of names in one folder: those that the shell finds, in its order. Only their names are kept, where
    /// the shell keeps objects: a folder may have a hundred thousand files.
    /// </summary>
    /// <returns><see langword="null"/> if the shell has to look: for another kind of pattern, or to say why nothing is found.</returns>
    private IEnumerable<string>? List(string name)
    {
        string leaf = Path.GetFileName(name);
        string above = leaf.Length == name.Length ? "." : name[..^leaf.Length];
        if (leaf.AsSpan().ContainsAny('\\', ':') || !WildcardPattern.ContainsWildcardCharacters(leaf) || FindExisting(above) is not string folder)
        {
            return null;
        }

        var pattern = WildcardPattern.Get(leaf, WildcardOptions.IgnoreCase);
        string[] names;
        try
        {
            names =
            [
                .. new FileSystemEnumerable<string>(folder, (ref FileSystemEntry entry) => entry.FileName.ToString(), s_visible)
                {
                    ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
                }
                .Where(pattern.IsMatch)
                .OrderBy(file => file, StringComparer.CurrentCultureIgnoreCase)
                .ThenBy(file => file, StringComparer.Ordinal),
            ];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return names.Length == 0 ? null : names.Select(file => Path.Join(folder, file));
    }

    /// <summary>The pattern with the name of its folder taken as it is, if there is such a folder.</summary>
    private string EscapeFolder(string pattern)
        => Path.GetDirectoryName(pattern) is { Length: > 0 } folder && WildcardPattern.ContainsWildcardCharacters(folder) && FindExisting(folder) is not null
            ? WildcardPattern.Escape(folder) + pattern[folder.Length..]
            : pattern;

    private static KlingException CreateNotUtf8(string path)
        => new(ErrorKind.PathNotFound, $"The file '{path}' cannot be opened by this name: on the disk, it is not in UTF-8.") { Advice = "Rename the file, and run the command again." };

    /// <summary>Whether an exception says that a path cannot be used, and not that the command is stopped.</summary>
    private static bool IsOfPath(Exception exception)
        => exception is RuntimeException and not PipelineStoppedException or ArgumentException or NotSupportedException or IOException or UnauthorizedAccessException or InvalidOperationException;

    private KlingException CreateNotFileSystem(string name, ProviderInfo provider)
    {
        string problem = $"'{name}' is not a path of the file system; it belongs to the {provider.Name} provider";
        PathInfo here = _paths.CurrentLocation;
        return here.Provider.Name == provider.Name && !_paths.IsPSAbsolute(name, out _)
            ? new(ErrorKind.PathNotFound, $"{problem}, as the current location does: '{here.Path}'.") { Advice = "Go to a folder with Set-Location, and run the command again." }
            : new(ErrorKind.PathNotFound, $"{problem}.");
    }

    /// <summary>The error of an address in the place of a path; <see langword="null"/> if it is none.</summary>
    private static KlingException? CreateAddress(string path)
        => !path.Contains("://", StringComparison.Ordinal) || !Uri.TryCreate(path, UriKind.Absolute, out Uri? uri) ? null
            : new(ErrorKind.PathNotFound, $"'{AddressPolicy.MaskUser(path)}' is an address, and a path is needed here.")
            {
                Advice = uri.IsFile
                    ? $"Give the path: '{uri.LocalPath}'."
                    : "Give the path of a file or folder on this machine. New-KlingVideoTask takes the address of an image as -ImageUri, or in a column ImageUri.",
            };
}
