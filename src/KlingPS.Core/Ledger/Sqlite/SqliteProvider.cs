using System.Data.Common;
using System.Reflection;
using System.Runtime.Loader;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>
/// The SQLite stack that ships with the module, in a load context of its own: it cannot clash with a copy that another module has
/// loaded, and none of it is visible outside.
/// </summary>
internal static class SqliteProvider
{
    private const string Folder = "dependencies";
    private const string Manifest = "KlingPS.Dependencies.dll";

    private static readonly Lazy<DbProviderFactory> s_factory = new(() => Load(
        Path.Combine(Path.GetDirectoryName(typeof(SqliteProvider).Assembly.Location)!, Folder)));

    /// <summary>The provider; loaded when it is first needed.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the module is incomplete, or has no SQLite for this platform.</exception>
    public static DbProviderFactory Factory => s_factory.Value;

    /// <summary>Loads the stack from a folder.</summary>
    /// <param name="folder">Contains the assemblies, the native libraries, and the .deps.json that says which of them are for this platform.</param>
    internal static DbProviderFactory Load(string folder)
    {
        try
        {
            Assembly assembly = new DependencyContext(Path.Combine(folder, Manifest)).LoadFromAssemblyName(new AssemblyName("Microsoft.Data.Sqlite"));
            FieldInfo instance = assembly.GetType("Microsoft.Data.Sqlite.SqliteFactory", throwOnError: true)!.GetField("Instance")!;
            return (DbProviderFactory)instance.GetValue(null)!;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or BadImageFormatException or TypeLoadException or TypeInitializationException)
        {
            throw new KlingException(
                ErrorKind.LedgerUnusable,
                $"The ledger cannot be used: SQLite could not be loaded from '{folder}' ({e.GetBaseException().Message}). Install KlingPS again. Without the ledger nothing is bought.",
                e);
        }
    }

    /// <summary>Assemblies that the .deps.json does not name, such as System.*, come from the host.</summary>
    private sealed class DependencyContext(string manifest) : AssemblyLoadContext("KlingPS.Dependencies")
    {
        private readonly AssemblyDependencyResolver _resolver = new(manifest);

        protected override Assembly? Load(AssemblyName assemblyName)
            => _resolver.ResolveAssemblyToPath(assemblyName) is string path ? LoadFromAssemblyPath(path) : null;

        protected override IntPtr LoadUnmanagedDll(string unmanagedDllName)
            => _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is string path ? LoadUnmanagedDllFromPath(path) : IntPtr.Zero;
    }
}
