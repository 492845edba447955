using System.Collections.ObjectModel;
using System.Management.Automation;
using KlingPS.Core;

namespace KlingPS.Hosting;

/// <summary>Turns names that a user gives into full paths of files.</summary>
internal sealed class FilePaths
{
    private const string FileSystem = "FileSystem";

    private readonly PathIntrinsics _paths;

    /// <summary>Creates the resolver.</summary>
    /// <param name="paths">Knows the current location and the drives of the session.</param>
    public FilePaths(PathIntrinsics paths)
    {
        _paths = paths;
    }

    /// <summary>Resolves names.</summary>
    /// <param name="names">The names.</param>
    /// <param name="isLiteral">Whether wildcards in them are ordinary characters.</param>
    /// <param name="onError">Is told of each name that leads to no file.</param>
    /// <returns>Full paths. A folder that is named without wildcards is among them, so that it is refused with the reason.</returns>
    public IEnumerable<string> Resolve(IEnumerable<string> names, bool isLiteral, Action<KlingException, object?> onError)
    {
        foreach (string name in names)
        {
            IReadOnlyList<string> found = [];
            try
            {
                found = isLiteral || !WildcardPattern.ContainsWildcardCharacters(name) ? [GetFullPath(name)] : ResolveWildcards(name);
            }
            catch (KlingException exception)
            {
                onError(exception, name);
            }

            foreach (string path in found)
            {
                yield return path;
            }
        }
    }

    /// <summary>The full path of a file or folder that need not exist.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.PathNotFound"/>: the path is not one of the file system.</exception>
    public string GetFullPath(string path)
    {
        try
        {
            string full = _paths.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
            return provider.Name == FileSystem ? Path.GetFullPath(full) : throw CreateNotFileSystem(path, provider);
        }
        catch (Exception exception) when (exception is System.Management.Automation.DriveNotFoundException or ProviderNotFoundException or NotSupportedException)
        {
            throw new KlingException(ErrorKind.PathNotFound, $"'{path}' is not a path on this machine: {exception.Message}", exception);
        }
    }

    /// <summary>The full path of a file that may be on another machine; the path as it is where this machine does not know it.</summary>
    /// <returns><see langword="null"/> for a blank path.</returns>
    public string? TryGetFullPath(string? path)
    {
        if (string.IsNullOrWhiteSpace(path))
        {
            return null;
        }

        try
        {
            return GetFullPath(path);
        }
        catch (KlingException)
        {
            return path;
        }
    }

    private List<string> ResolveWildcards(string name)
    {
        Collection<string> matches = [];
        try
        {
            matches = _paths.GetResolvedProviderPathFromPSPath(name, out ProviderInfo provider);
            if (provider.Name != FileSystem)
            {
                throw CreateNotFileSystem(name, provider);
            }
        }
        catch (Exception exception) when (exception is ItemNotFoundException or System.Management.Automation.DriveNotFoundException or ProviderNotFoundException or NotSupportedException)
        {
            // Nothing matches.
        }

        List<string> files = [.. matches.Where(match => !Directory.Exists(match))];
        if (files.Count > 0)
        {
            return files;
        }

        // A name from a list, such as 'shot [2].png', is more likely that very file than a pattern that matches nothing.
        string literal = GetFullPath(name);
        return File.Exists(literal)
            ? [literal]
            : throw new KlingException(ErrorKind.PathNotFound, $"No file matches '{name}'.");
    }

    private static KlingException CreateNotFileSystem(string name, ProviderInfo provider)
        => new(ErrorKind.PathNotFound, $"'{name}' is not a path of the file system; it belongs to the {provider.Name} provider.");
}
