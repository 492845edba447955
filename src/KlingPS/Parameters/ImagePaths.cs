using System.Collections.ObjectModel;
using System.Management.Automation;
using KlingPS.Core;

namespace KlingPS.Parameters;

/// <summary>Turns what a user names into full paths of files.</summary>
internal static class ImagePaths
{
    private const string FileSystem = "FileSystem";

    /// <summary>Resolves names.</summary>
    /// <param name="command">The command whose current location counts.</param>
    /// <param name="names">The names.</param>
    /// <param name="isLiteral">Whether wildcards are none.</param>
    /// <param name="onError">Told of each name that leads to no file.</param>
    /// <returns>Full paths; a folder that is named outright is among them, so that it is refused with the reason.</returns>
    public static IEnumerable<string> Resolve(PSCmdlet command, IEnumerable<string> names, bool isLiteral, Action<KlingException, object?> onError)
    {
        foreach (string name in names)
        {
            IReadOnlyList<string> found = [];
            try
            {
                found = isLiteral || !WildcardPattern.ContainsWildcardCharacters(name)
                    ? [GetFullPath(command, name)]
                    : ResolveWildcards(command, name);
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
    /// <exception cref="KlingException">The path is not one of the file system.</exception>
    public static string GetFullPath(PSCmdlet command, string path)
    {
        try
        {
            string full = command.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
            return provider.Name == FileSystem ? Path.GetFullPath(full) : throw NotFileSystem(path, provider);
        }
        catch (Exception exception) when (exception is System.Management.Automation.DriveNotFoundException or ProviderNotFoundException or NotSupportedException)
        {
            throw new KlingException(ErrorKind.PathNotFound, $"'{path}' is no path of this machine: {exception.Message}", exception);
        }
    }

    private static List<string> ResolveWildcards(PSCmdlet command, string name)
    {
        Collection<string> matches;
        ProviderInfo provider;
        try
        {
            matches = command.GetResolvedProviderPathFromPSPath(name, out provider);
        }
        catch (Exception exception) when (exception is ItemNotFoundException or System.Management.Automation.DriveNotFoundException or ProviderNotFoundException or NotSupportedException)
        {
            matches = [];
            provider = command.SessionState.Provider.GetOne(FileSystem);
        }

        if (provider.Name != FileSystem)
        {
            throw NotFileSystem(name, provider);
        }

        List<string> files = [.. matches.Where(match => !Directory.Exists(match))];
        if (files.Count > 0)
        {
            return files;
        }

        // A name out of a list, such as 'shot [2].png', is rather that file than a pattern nothing matches.
        string literal = GetFullPath(command, name);
        return File.Exists(literal)
            ? [literal]
            : throw new KlingException(ErrorKind.PathNotFound, $"No file matches '{name}'.");
    }

    private static KlingException NotFileSystem(string name, ProviderInfo provider)
        => new(ErrorKind.PathNotFound, $"'{name}' is not a path of the file system but of {provider.Name}.");
}
