using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace KlingPS.Hosting;

/// <summary>
/// Chooses the engine. The one beside this assembly runs anywhere, but each shell compiles it again. A folder there that is named after a version of
/// .NET and a platform, such as net10.0/linux-x64, has it compiled ahead of time; no other version or platform can use that one.
/// </summary>
internal static class EngineAssembly
{
    private const string Engine = "KlingPS.Core";

    /// <summary>From the module's first method on, this class is asked before PowerShell looks beside the module.</summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255:The 'ModuleInitializer' attribute should not be used in libraries", Justification = "It has to run before any method that uses the engine is compiled.")]
    internal static void Offer() => AssemblyLoadContext.GetLoadContext(typeof(EngineAssembly).Assembly)!.Resolving += Load;

    private static Assembly? Load(AssemblyLoadContext context, AssemblyName name)
    {
        if (name.Name != Engine)
        {
            return null;
        }

        string system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : OperatingSystem.IsLinux() ? "linux" : "other";
        string path = Path.Combine(
            Path.GetDirectoryName(typeof(EngineAssembly).Assembly.Location)!,
            $"net{Environment.Version.Major}.{Environment.Version.Minor}",
            $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}",
            $"{Engine}.dll");
        try
        {
            return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
        }
        catch (Exception e) when (e is BadImageFormatException or IOException)
        {
            // Then the one that runs anywhere is found.
            return null;
        }
    }
}
