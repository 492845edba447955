#Requires -Version 7.4

<#
.SYNOPSIS
Measures what importing KlingPS costs beside an empty binary module with as many cmdlets.

.DESCRIPTION
Takes the staged module. Each import happens in a shell of its own; the two modules take turns. The time is that of Import-Module
alone. Emits the medians and their ratio.

.PARAMETER Count
How many imports of each.
#>
[CmdletBinding()]
param(
    [ValidateRange(1, 10000)]
    [int] $Count = 31
)

$ErrorActionPreference = 'Stop'
$root = Split-Path $PSScriptRoot
$manifest = Import-PowerShellDataFile "$root/KlingPS.psd1"
$module = Join-Path $root 'out' 'KlingPS' $manifest.ModuleVersion 'KlingPS.psd1'

function New-EmptyModule([string] $Folder) {
    $classes = foreach ($cmdlet in $manifest.CmdletsToExport) {
        $verb, $noun = $cmdlet.Replace('Kling', 'Empty') -split '-'
        "[Cmdlet(""$verb"", ""$noun"")] public sealed class $verb${noun}Command : PSCmdlet { }"
    }
    Add-Type -TypeDefinition "using System.Management.Automation; $classes" -OutputAssembly "$Folder/Empty.dll"
    New-ModuleManifest "$Folder/Empty.psd1" -RootModule Empty.dll -CompatiblePSEditions Core -FunctionsToExport @() -AliasesToExport @() -VariablesToExport @() -CmdletsToExport $manifest.CmdletsToExport.Replace('Kling', 'Empty')
    "$Folder/Empty.psd1"
}

function Measure-Import([string] $Path) {
    # The first Import-Module of a shell also pays for the cmdlet itself; that is nobody's.
    [double](pwsh -NoProfile -NonInteractive -Command "
        Import-Module Microsoft.PowerShell.Utility
        `$watch = [Diagnostics.Stopwatch]::StartNew()
        Import-Module '$Path'
        `$watch.Stop()
        `$watch.Elapsed.TotalMilliseconds.ToString([cultureinfo]::InvariantCulture)")
}

function Get-Median([double[]] $Values) {
    $sorted = $Values | Sort-Object
    ($sorted[[math]::Floor(($sorted.Count - 1) / 2)] + $sorted[[math]::Ceiling(($sorted.Count - 1) / 2)]) / 2
}

$folder = [IO.Directory]::CreateTempSubdirectory('klingps-empty-').FullName
try {
    $empty = New-EmptyModule $folder
    $times = @{ $module = [Collections.Generic.List[double]]::new(); $empty = [Collections.Generic.List[double]]::new() }
    foreach ($path in $module, $empty) {
        $null = Measure-Import $path
    }

    for ($i = 0; $i -lt $Count; $i++) {
        Write-Progress 'Importing' "$i of $Count" -PercentComplete (100 * $i / $Count)
        foreach ($path in ($i % 2 ? ($module, $empty) : ($empty, $module))) {
            $times[$path].Add((Measure-Import $path))
        }
    }

    [pscustomobject]@{
        Cmdlets     = $manifest.CmdletsToExport.Count
        Imports     = $Count
        KlingPS     = [math]::Round((Get-Median $times[$module]), 1)
        Empty       = [math]::Round((Get-Median $times[$empty]), 1)
        Ratio       = [math]::Round((Get-Median $times[$module]) / (Get-Median $times[$empty]), 2)
    }
}
finally {
    Remove-Item $folder -Recurse -Force
}
