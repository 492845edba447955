using System.Data.Common;
using System.Reflection;
using System.Runtime.Loader;

namespace KlingPS.Core.Ledger.Providers;

/// <summary>
/// The database libraries that ship with the module, in a load context of their own: they cannot clash with copies that other modules
/// have loaded, and none of them is visible outside. Each is loaded when a ledger of its kind is first opened.
/// </summary>
/// <param name="folder">Contains the assemblies, the native libraries, and the .deps.json, which says which of them are for this platform.</param>
/// <param name="precompiled">A folder with some of the assemblies precompiled for this platform and this version of .NET; <see langword="null"/> if there is none.</param>
internal sealed class DependencyContext(string folder, string? precompiled = null) : AssemblyLoadContext("KlingPS.Dependencies")
{
    private const string Folder = "dependencies";
    private const string Manifest = "KlingPS.Dependencies.dll";

    private static readonly Lazy<DependencyContext> s_shipped = new(() => Open(Path.GetDirectoryName(typeof(DependencyContext).Assembly.Location)!));

    private readonly Lazy<AssemblyDependencyResolver> _resolver = new(() => new AssemblyDependencyResolver(Path.Combine(folder, Manifest)));

    /// <summary>What is installed with the module.</summary>
    public static DependencyContext Shipped => s_shipped.Value;

    /// <summary>Finds what is installed with an engine.</summary>
    /// <param name="engine">
    /// The engine's folder. The libraries are in a folder below it; or, if it is the folder of precompiled assemblies (bin/net10.0/linux-x64), below the one
    /// that contains both.
    /// </param>
    internal static DependencyContext Open(string engine)
    {
        string folder = Path.Combine(engine, Folder);
        return Directory.Exists(folder) ? new DependencyContext(folder) : new DependencyContext(Path.GetFullPath(Path.Combine(engine, "..", "..", Folder)), engine);
    }

    /// <summary>Loads a database provider.</summary>
    /// <param name="assembly">Its assembly.</param>
    /// <param name="factory">The class of its factory, which has its only instance in a field <c>Instance</c>.</param>
    /// <param name="database">The database, by the name that users know.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the module is incomplete, or has none for this platform.</exception>
    public DbProviderFactory LoadProvider(string assembly, string factory, string database)
    {
        try
        {
            FieldInfo instance = LoadFromAssemblyName(new AssemblyName(assembly)).GetType(factory, throwOnError: true)!.GetField("Instance")!;
            return (DbProviderFactory)instance.GetValue(null)!;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or BadImageFormatException or TypeLoadException or TypeInitializationException)
        {
            throw new KlingException(
                ErrorKind.LedgerUnusable,
                $"The ledger cannot be used: {database} could not be loaded from '{folder}' ({e.GetBaseException().Message}). Install KlingPS again. Without the ledger nothing is bought.",
                e);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Assemblies that the .deps.json does not name, such as System.*, come from the host, and so do those that the host has in the same or a newer version.</remarks>
    protected override Assembly? Load(AssemblyName assemblyName)
        => _resolver.Value.ResolveAssemblyToPath(assemblyName) is string path && !HostAssemblies.Has(assemblyName.Name!, AssemblyName.GetAssemblyName(path).Version!)
            ? LoadPrecompiled(path) ?? LoadFromAssemblyPath(path)
            : null;

    /// <inheritdoc/>
    protected override IntPtr LoadUnmanagedDll(string unmanagedDllName)
        => _resolver.Value.ResolveUnmanagedDllToPath(unmanagedDllName) is string path ? LoadUnmanagedDllFromPath(path) : IntPtr.Zero;

    /// <summary>Loads the precompiled form of an assembly.</summary>
    /// <returns><see langword="null"/> if there is none that can be used: it only saves time.</returns>
    private Assembly? LoadPrecompiled(string path)
    {
        string? better = precompiled is null ? null : Path.Combine(precompiled, Path.GetFileName(path));
        try
        {
            return File.Exists(better) ? LoadFromAssemblyPath(better) : null;
        }
        catch (Exception e) when (e is BadImageFormatException or IOException)
        {
            return null;
        }
    }
}
