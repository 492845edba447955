using System.Globalization;
using KlingPS.Bench.Engine;

namespace KlingPS.Bench.Goals;

/// <summary>A binary module with as many cmdlets as KlingPS that do nothing: what any module costs.</summary>
internal static class EmptyModule
{
    /// <summary>Builds it in a folder and writes how many cmdlets it has.</summary>
    private const string Build = """
        $cmdlets = (Import-PowerShellDataFile $module).CmdletsToExport
        $classes = foreach ($cmdlet in $cmdlets) {
            $verb, $noun = $cmdlet.Replace('Kling', 'Empty') -split '-'
            "[Cmdlet(""$verb"", ""$noun"")] public sealed class $verb${noun}Command : PSCmdlet { }"
        }
        Add-Type -TypeDefinition "using System.Management.Automation; $classes" -OutputAssembly "$folder/Empty.dll"
        New-ModuleManifest "$folder/Empty.psd1" -RootModule Empty.dll -CompatiblePSEditions Core -FunctionsToExport @() -AliasesToExport @() -VariablesToExport @() -CmdletsToExport $cmdlets.Replace('Kling', 'Empty')
        $cmdlets.Count
        """;

    /// <summary>Builds it.</summary>
    /// <param name="folder">Where.</param>
    /// <returns>The path of its manifest, and how many cmdlets it has.</returns>
    public static async Task<(string Manifest, int Cmdlets)> BuildAsync(string folder)
    {
        string cmdlets = await Shell.RunAsync($"$module = '{Shell.Module}'; $folder = '{folder}'\n{Build}");
        return (Path.Combine(folder, "Empty.psd1"), int.Parse(cmdlets, CultureInfo.InvariantCulture));
    }
}
