# What several suites use: where the staged module is, and shells that have nothing of the user's.

$root = (Resolve-Path "$PSScriptRoot/../..").Path
$version = (Import-PowerShellDataFile "$root/KlingPS.psd1").ModuleVersion
$stage = Join-Path $root 'out' 'KlingPS' $version
$images = Join-Path $root 'samples' 'images'

# Runs a script in a process of its own. Home, data, configuration, ledger and module path lie in a folder of the test; what it has
# of the user's is the shell itself. (On Windows, what asks the system for a known folder still gets the user's.)
function Invoke-PrivateShell([string] $Script, [string] $Folder, [string[]] $ModulePath = @()) {
    $null = New-Item "$Folder/.local/share" -ItemType Directory -Force
    $changes = @{
        HOME = $Folder; USERPROFILE = $Folder; LOCALAPPDATA = "$Folder/local"; APPDATA = "$Folder/roaming"
        XDG_DATA_HOME = "$Folder/.local/share"; XDG_CONFIG_HOME = "$Folder/config"; XDG_CACHE_HOME = "$Folder/cache"
        KLINGPS_LEDGER = "$Folder/ledger.db"; KLINGPS_CONFIG = "$Folder/config.json"
        KIE_API_KEY = $null; KLINGPS_ENDPOINT = $null; KLINGPS_UPLOAD_ENDPOINT = $null
        PSModulePath = @($ModulePath; Join-Path $PSHOME 'Modules') -join [IO.Path]::PathSeparator
        POWERSHELL_TELEMETRY_OPTOUT = '1'; POWERSHELL_UPDATECHECK = 'Off'; NO_COLOR = '1'
    }
    $kept = @{}
    foreach ($name in $changes.Keys) {
        $kept[$name] = [Environment]::GetEnvironmentVariable($name)
        [Environment]::SetEnvironmentVariable($name, $changes[$name])
    }

    try {
        pwsh -NoProfile -NonInteractive -Command $Script 2>&1
    }
    finally {
        foreach ($name in $kept.Keys) {
            [Environment]::SetEnvironmentVariable($name, $kept[$name])
        }
    }
}
