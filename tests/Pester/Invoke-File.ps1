# Runs one file of the suite and leaves its counts as JSON. Called by build.ps1, in a shell that has imported nothing.
param([string] $Pester, [string] $Path, [string] $Counts)

$ErrorActionPreference = 'Stop'
Import-Module ([wildcardpattern]::Escape($Pester))
$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.PassThru = $true
$run = Invoke-Pester -Configuration $configuration

# A file or a block that breaks outside of a test is a failure as well.
$broken = @($run.FailedBlocks) + @($run.FailedContainers) | Where-Object { $_ } | ForEach-Object { "$_" }
$file = Split-Path $Path -Leaf
ConvertTo-Json @{
    Passed   = $run.PassedCount
    Failed   = $run.FailedCount + @($broken).Count
    Skipped  = $run.SkippedCount + $run.NotRunCount
    Failures = @($run.Failed | ForEach-Object { "${file}: $($_.ExpandedPath)" }) + @($broken | ForEach-Object { "${file}: $_" })
    Reasons  = @(@($run.Skipped) + @($run.NotRun) | Where-Object { $_ } | ForEach-Object { "${file}: $($_.Block.Skip ? $_.Block.ExpandedPath : $_.ExpandedPath)" })
} | Set-Content -LiteralPath $Counts
