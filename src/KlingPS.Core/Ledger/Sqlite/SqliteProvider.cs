using System.Data.Common;
using System.Reflection;
using System.Runtime.Loader;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>
/// The SQLite stack that the module brings along, in a load context of its own: no copy that another module has loaded can clash with
/// it, and nothing of it is seen outside.
/// </summary>
public static class SqliteProvider
{
    private const string Folder = "dependencies";
    private const string Manifest = "KlingPS.Dependencies.dll";

    private static readonly Lazy<DbProviderFactory> s_factory = new(() => Load(
        Path.Combine(Path.GetDirectoryName(typeof(SqliteProvider).Assembly.Location)!, Folder)));

    /// <summary>The provider; loaded when it is first asked for.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the module is not complete, or has no SQLite for this platform.</exception>
    public static DbProviderFactory Factory => s_factory.Value;

    /// <summary>Loads the stack from a folder.</summary>
    /// <param name="folder">Has the assemblies, the natives and the .deps.json that tells which of them is for this platform.</param>
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

    /// <summary>What the .deps.json does not name, such as System.*, comes from the host.</summary>
    private sealed class DependencyContext(string manifest) : AssemblyLoadContext("KlingPS.Dependencies")
    {
        private readonly AssemblyDependencyResolver _resolver = new(manifest);

        protected override Assembly? Load(AssemblyName assemblyName)
            => _resolver.ResolveAssemblyToPath(assemblyName) is string path ? LoadFromAssemblyPath(path) : null;

        protected override IntPtr LoadUnmanagedDll(string unmanagedDllName)
            => _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is string path ? LoadUnmanagedDllFromPath(path) : IntPtr.Zero;
    }
}
