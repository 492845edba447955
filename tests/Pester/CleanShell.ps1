# Dot-sourced by the tests that need a shell with a home, a ledger, a configuration and a secret store of its own.

$root = (Resolve-Path "$PSScriptRoot/../..").Path
$module = Join-Path $root 'out' 'KlingPS' (Import-PowerShellDataFile "$root/KlingPS.psd1").ModuleVersion 'KlingPS.psd1'

# Runs a script as a scheduled job runs: non-interactive, with nothing to read from, and none of the user's own files in reach.
function Invoke-Job([string] $Script, [string] $Place, [hashtable] $Environment = @{}, [switch] $WithoutVaultModules) {
    $start = [Diagnostics.ProcessStartInfo]::new([Environment]::ProcessPath)
    $file = Join-Path $Place "$([guid]::NewGuid().ToString('N')).ps1"
    $others = $WithoutVaultModules ? '(Join-Path $PSHOME Modules)' : '$env:PSModulePath'
    Set-Content $file "`$env:PSModulePath = '$root/out' + [IO.Path]::PathSeparator + $others`nImport-Module KlingPS`n$Script"
    '-NoProfile', '-File', $file | ForEach-Object { $start.ArgumentList.Add($_) }
    'KIE_API_KEY', 'KLINGPS_ENDPOINT', 'KLINGPS_UPLOAD_ENDPOINT' | ForEach-Object { $null = $start.Environment.Remove($_) }
    $start.Environment['HOME'] = $Place
    $start.Environment['NO_COLOR'] = '1'
    $start.Environment['KLINGPS_LEDGER'] = Join-Path $Place 'ledger.db'
    $start.Environment['KLINGPS_CONFIG'] = Join-Path $Place 'config.json'
    foreach ($name in $Environment.Keys) { $start.Environment[$name] = $Environment[$name] }
    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    $process.StandardInput.Close()
    $output = $process.StandardOutput.ReadToEndAsync()
    $errors = $process.StandardError.ReadToEndAsync()
    if (-not $process.WaitForExit(120000)) {
        $process.Kill($true)
        throw "The job hangs: $Script"
    }

    [pscustomobject] @{ ExitCode = $process.ExitCode; Output = $output.Result; Errors = $errors.Result; Lines = @($output.Result -split '\r?\n' | Where-Object { $_ }) }
}
