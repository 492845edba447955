<#
.SYNOPSIS
Turns the sample images into videos, without a key and without spending anything.

.DESCRIPTION
Connects to the sandbox, which stands in for the service on this machine, animates every image beside this script
and writes the videos to a folder. What comes back are the sandbox's own short clips, not animations of the images;
everything else happens as it would with a key: upload, task, wait, download.

It takes the module that the repository has built; './build.ps1 -Task Quickstart' builds it first. Without a repository
it takes the one that is installed.

.PARAMETER Destination
The folder for the videos. It is created if it does not exist; files of the same names are replaced.

.PARAMETER Prompt
What is to happen in the videos, 1 to 2500 characters.

.PARAMETER Duration
The length of each video in seconds, 5 or 10.

.EXAMPLE
./samples/Quickstart.ps1

.EXAMPLE
./samples/Quickstart.ps1 -Destination ~/Videos -Duration 10 -Verbose
#>
[CmdletBinding()]
param(
    [string] $Destination = "$PSScriptRoot/../out/quickstart",

    [string] $Prompt = 'The camera moves slowly towards the subject while light drifts across the scene.',

    [ValidateSet(5, 10)]
    [int] $Duration = 5
)

$ErrorActionPreference = 'Stop'

# The module this repository has built, or else one that is installed. Of a folder with brackets in its path PowerShell takes only the file.
$staged = Get-ChildItem -LiteralPath "$PSScriptRoot/../out/KlingPS" -Filter KlingPS.psd1 -Recurse -ErrorAction Ignore | Select-Object -First 1
Import-Module $($staged ? $staged.FullName : 'KlingPS')

$folder = [System.IO.Directory]::CreateDirectory($PSCmdlet.GetUnresolvedProviderPathFromPSPath($Destination))

# What the sandbox makes was not bought: it is recorded neither among the user's own tasks nor for the next run, which would then take
# today's videos for purchases and leave them alone.
$ledger = $env:KLINGPS_LEDGER
$records = [System.IO.Directory]::CreateTempSubdirectory('klingps-quickstart-')
$env:KLINGPS_LEDGER = Join-Path $records 'ledger.db'
try {
    $null = Connect-KlingAccount -Sandbox
    $videos = Get-ChildItem -LiteralPath "$PSScriptRoot/images" |
        New-KlingVideoTask -Prompt $Prompt -Duration $Duration |
        Wait-KlingVideoTask |
        Save-KlingVideo -Destination $folder -Force |
        ForEach-Object {
            [pscustomobject]@{
                Image = [System.IO.Path]::GetFileName($_.SourcePath)
                KB    = [int]($_.Length / 1KB)
                Video = $_.Name
            }
        }

    # All at once: a table that knows its rows gives each column the width it needs.
    $videos

    # Apart from the table, which would cut off what is wider than the screen.
    "The videos are in $($folder.FullName)."

    $bill = Get-KlingSandbox
    "The sandbox accepted $($bill.CreatesAccepted) of $($bill.CreatesReceived) tasks and charged $($bill.CreditsSpent) credits of its own, which are not money."
}
finally {
    Disconnect-KlingAccount
    $env:KLINGPS_LEDGER = $ledger

    # Where the shell still holds the file open, the system's own cleaning takes it.
    Remove-Item -LiteralPath $records -Recurse -Force -ErrorAction Ignore
}
