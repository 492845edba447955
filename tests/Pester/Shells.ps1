# Dot-sourced by the suites: where the staged module is, and shells of their own for the tests.

$root = (Resolve-Path -LiteralPath "$PSScriptRoot/../..").Path
$version = (Import-PowerShellDataFile -LiteralPath "$root/KlingPS.psd1").ModuleVersion
$stage = Join-Path $root 'out' 'KlingPS' $version
$module = Join-Path $stage 'KlingPS.psd1'
$images = Join-Path $root 'samples' 'images'

# How the shell that runs the tests was started, and so how they start another one of the same. As a .NET tool it is run by dotnet, and the
# pwsh command would be a launcher that outlives it or dies without it.
$powerShell = [Environment]::ProcessPath
$powerShellArguments = @(if ((Split-Path $powerShell -LeafBase) -eq 'dotnet') { Join-Path $PSHOME 'pwsh.dll' })

# Starts another shell. Variables with the value $null are removed from its environment.
function Start-Shell([string[]] $Arguments, [hashtable] $Environment) {
    $start = [Diagnostics.ProcessStartInfo]::new($powerShell, [string[]] ($powerShellArguments + $Arguments))
    foreach ($name in $Environment.Keys) {
        if ($null -eq $Environment[$name]) {
            $null = $start.Environment.Remove($name)
        }
        else {
            $start.Environment[$name] = $Environment[$name]
        }
    }

    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    $process.StandardInput.Close()
    [pscustomobject] @{ Process = $process; Output = $process.StandardOutput.ReadToEndAsync(); Errors = $process.StandardError.ReadToEndAsync() }
}

# Waits for it to end, and tells what came of it.
function Wait-Shell($Started) {
    if (-not $Started.Process.WaitForExit(600000)) {
        $Started.Process.Kill($true)
        throw "A shell did not end within ten minutes. It wrote: $($Started.Output.Result)$($Started.Errors.Result)"
    }

    [pscustomobject] @{
        ExitCode = $Started.Process.ExitCode
        Output   = $Started.Output.Result
        Errors   = $Started.Errors.Result
        Lines    = @($Started.Output.Result -split '\r?\n' | Where-Object { $_ })
    }
}

# Starts a shell whose home, data, configuration, ledger and module path are in a folder of the test; what it shares with the user is the
# shell itself. (On Windows, code that asks the system for a known folder still gets the user's.)
function Start-PrivateShell([string] $Script, [string] $Folder, [string[]] $ModulePath = @(), [hashtable] $Environment = @{}) {
    $null = New-Item "$Folder/.local/share" -ItemType Directory -Force
    $all = @{
        HOME = $Folder; USERPROFILE = $Folder; LOCALAPPDATA = "$Folder/local"; APPDATA = "$Folder/roaming"
        XDG_DATA_HOME = "$Folder/.local/share"; XDG_CONFIG_HOME = "$Folder/config"; XDG_CACHE_HOME = "$Folder/cache"
        KLINGPS_LEDGER = "$Folder/ledger.db"; KLINGPS_CONFIG = "$Folder/config.json"
        KIE_API_KEY = $null; KLINGPS_ENDPOINT = $null; KLINGPS_UPLOAD_ENDPOINT = $null
        PSModulePath = @($ModulePath; Join-Path $PSHOME 'Modules') -join [IO.Path]::PathSeparator
        POWERSHELL_TELEMETRY_OPTOUT = '1'; POWERSHELL_UPDATECHECK = 'Off'; NO_COLOR = '1'
    }
    foreach ($name in $Environment.Keys) {
        $all[$name] = $Environment[$name]
    }

    Start-Shell '-NoProfile', '-NonInteractive', '-Command', $Script -Environment $all
}

# Runs a script in such a shell, and emits the lines that it writes, then those of its errors.
function Invoke-PrivateShell([string] $Script, [string] $Folder, [string[]] $ModulePath = @()) {
    $result = Wait-Shell (Start-PrivateShell $Script -Folder $Folder -ModulePath $ModulePath)
    @($result.Output, $result.Errors) | ForEach-Object { if ($_) { $_.TrimEnd("`r", "`n") -split '\r?\n' } }
}

# Starts a script as a scheduler does: non-interactive, with nothing to read from, and none of the user's own files in reach.
function Start-JobShell([string] $Script, [string] $Place, [hashtable] $Environment = @{}, [switch] $WithoutVaultModules) {
    $file = Join-Path $Place "$([guid]::NewGuid().ToString('N')).ps1"
    $others = $WithoutVaultModules ? '(Join-Path $PSHOME Modules)' : '$env:PSModulePath'
    Set-Content -LiteralPath $file "`$env:PSModulePath = '$root/out' + [IO.Path]::PathSeparator + $others`nImport-Module KlingPS`n$Script"
    $all = @{
        HOME = $Place; NO_COLOR = '1'; KLINGPS_LEDGER = Join-Path $Place 'ledger.db'; KLINGPS_CONFIG = Join-Path $Place 'config.json'
        KIE_API_KEY = $null; KLINGPS_ENDPOINT = $null; KLINGPS_UPLOAD_ENDPOINT = $null
    }
    foreach ($name in $Environment.Keys) {
        $all[$name] = $Environment[$name]
    }

    Start-Shell '-NoProfile', '-File', $file -Environment $all
}

# The same, to its end.
function Invoke-Job([string] $Script, [string] $Place, [hashtable] $Environment = @{}, [switch] $WithoutVaultModules) {
    Wait-Shell (Start-JobShell @PSBoundParameters)
}
