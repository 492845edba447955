using System.Reflection;

namespace KlingPS.Core.Ledger.Providers;

/// <summary>The assemblies that come with PowerShell and .NET. Those of modules are not among them, wherever they were loaded.</summary>
internal static class HostAssemblies
{
    private static readonly Lazy<Dictionary<string, string>> s_paths = new(() => List(AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") as string));

    /// <summary>Whether the host has an assembly in this version or a later one.</summary>
    /// <param name="name">The assembly's simple name.</param>
    /// <param name="version">The version.</param>
    public static bool Has(string name, Version version) => Has(s_paths.Value, name, version);

    /// <inheritdoc cref="Has(string, Version)"/>
    /// <param name="paths">The paths of the host's assemblies by their names.</param>
    /// <param name="name">The assembly's simple name.</param>
    /// <param name="version">The version.</param>
    internal static bool Has(IReadOnlyDictionary<string, string> paths, string name, Version version)
    {
        try
        {
            return paths.TryGetValue(name, out string? path) && AssemblyName.GetAssemblyName(path).Version >= version;
        }
        catch (Exception e) when (e is IOException or BadImageFormatException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static Dictionary<string, string> List(string? paths)
    {
        var byName = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string path in (paths ?? string.Empty).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            byName.TryAdd(Path.GetFileNameWithoutExtension(path), path);
        }

        return byName;
    }
}
