#Requires -Version 7.4

<#
.SYNOPSIS
Builds, tests and packs KlingPS.

.DESCRIPTION
A front to dotnet for people who have pwsh. It downloads nothing but what 'dotnet restore' does.

.PARAMETER Task
Clean       removes what building made, all of out/ included.
Build       builds everything and stages the module in out/KlingPS/<version>.
Test        builds, then runs the .NET tests, and the Pester suite where Pester 5.7 or later is installed.
Package     builds, then writes out/KlingPS.<version>.nupkg for the PowerShell Gallery.
Quickstart  builds, then animates the sample images in the sandbox.

.PARAMETER Configuration
Release or Debug.

.PARAMETER NoBuild
Takes what an earlier build has left.

.EXAMPLE
./build.ps1

.EXAMPLE
./build.ps1 -Task Test
#>
[CmdletBinding()]
param(
    [ValidateSet('Clean', 'Build', 'Test', 'Package', 'Quickstart')]
    [string] $Task = 'Build',

    [ValidateSet('Release', 'Debug')]
    [string] $Configuration = 'Release',

    [switch] $NoBuild
)

$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true

$solution = Join-Path $PSScriptRoot 'KlingPS.sln'
$output = Join-Path $PSScriptRoot 'out'

function Invoke-Build {
    if (-not $NoBuild) {
        dotnet build $solution --configuration $Configuration --nologo
    }
}

function Invoke-PesterSuite {
    if (-not (Get-Module Pester -ListAvailable | Where-Object Version -GE '5.7.0')) {
        Write-Host 'Pester 5.7 or later is not installed: the Pester suite was not run.'
        return
    }

    # In a process of its own: the suite wants a shell that has imported nothing.
    pwsh -NoProfile -NonInteractive -WorkingDirectory $PSScriptRoot -Command '
        $ErrorActionPreference = "Stop"
        Import-Module Pester -MinimumVersion 5.7.0
        Invoke-Pester -Configuration @{ Run = @{ Path = "tests/Pester"; Exit = $true }; Output = @{ Verbosity = "Detailed" } }'
}

function New-Package {
    if (-not (Get-Command Compress-PSResource -ErrorAction Ignore)) {
        throw 'Packing needs Compress-PSResource of Microsoft.PowerShell.PSResourceGet 1.1 or later. Install it with: Install-PSResource Microsoft.PowerShell.PSResourceGet'
    }

    $manifest = Import-PowerShellDataFile (Join-Path $PSScriptRoot 'KlingPS.psd1')
    Remove-Item (Join-Path $output 'KlingPS.*.nupkg')
    $package = Compress-PSResource -Path (Join-Path $output 'KlingPS' $manifest.ModuleVersion) -DestinationPath $output -PassThru
    Set-PackageIcon $package
    $package
}

# A manifest can only name an icon on the web. A package can have it inside.
function Set-PackageIcon([IO.FileInfo] $Package) {
    $zip = [IO.Compression.ZipFile]::Open($Package.FullName, 'Update')
    try {
        $stream = $zip.GetEntry('KlingPS.nuspec').Open()
        $nuspec = [xml]::new()
        $nuspec.Load($stream)
        $icon = $nuspec.CreateElement('icon', $nuspec.package.NamespaceURI)
        $icon.InnerText = 'icon.png'
        $null = $nuspec.package.metadata.AppendChild($icon)
        $stream.SetLength(0)
        $nuspec.Save($stream)
        $stream.Dispose()
    }
    finally {
        $zip.Dispose()
    }
}

switch ($Task) {
    'Clean' {
        dotnet clean $solution --configuration $Configuration --nologo --verbosity quiet
        if (Test-Path $output) {
            Remove-Item $output -Recurse -Force
        }
    }
    'Build' {
        Invoke-Build
    }
    'Test' {
        Invoke-Build
        dotnet test $solution --configuration $Configuration --nologo --no-build
        Invoke-PesterSuite
    }
    'Package' {
        Invoke-Build
        New-Package
    }
    'Quickstart' {
        Invoke-Build
        & (Join-Path $PSScriptRoot 'samples/Quickstart.ps1')
    }
}
