#Requires -Version 7.4

<#
.SYNOPSIS
Builds, tests and packs KlingPS.

.DESCRIPTION
The one front to everything that is built here, for people and for continuous integration. It needs the .NET SDK and nothing else: packages,
Pester included, come with 'dotnet restore'. Where PowerShell is not installed, the SDK gets and runs the pinned one:

    dotnet tool exec --yes PowerShell -- -NoProfile -File build.ps1 -Task Test

The exit code is 0 when all went well.

.PARAMETER Task
Build       builds everything and stages the module in out/KlingPS/<version>.
Test        builds, then runs the .NET tests and the Pester suite. The last line has the counts of both.
Check       what continuous integration runs: Format -Verify, then Test.
Repeat      builds, then runs the tests many times and shows how often they passed, and how long they took.
Package     builds, then writes out/KlingPS.<version>.nupkg for the PowerShell Gallery.
Quickstart  builds the module, then turns the sample images into videos in the sandbox.
Mutate      changes the files that are named after it, one spot at a time, and shows which changes no test notices; see tests/README.md.
Fuzz        builds, then gives what is named after it inputs that are wrong in any way, and shows what it cannot bear; see tests/README.md.
Format      formats the code. With -Verify it changes nothing, and fails where something is not formatted.
Bench       builds, then runs the benchmark that is named after it, with its options; see bench/README.md.
Clean       removes everything that was built.

.PARAMETER Configuration
Release or Debug.

.PARAMETER NoBuild
Uses what an earlier build has left.

.PARAMETER Verify
With Format: changes nothing.

.PARAMETER Runs
With Repeat: how many times to run the .NET tests on a machine that has nothing else to do, as far as this script knows.

.PARAMETER BusyRuns
With Repeat: how many times to run the .NET tests while every processor is kept busy.

.PARAMETER PesterRuns
With Repeat: how many times to run the Pester suite.

.PARAMETER Inputs
With Fuzz: how many inputs to make for each target.

.PARAMETER ArgumentList
With Bench: the name of the benchmark and its options. With Mutate: files of KlingPS.Core, then options of Stryker. With Fuzz: the target, or
all, then --seed with a number, or --replay with the file of an input.

.EXAMPLE
./build.ps1

.EXAMPLE
./build.ps1 Test

.EXAMPLE
./build.ps1 Repeat -Runs 1 -BusyRuns 0 -PesterRuns 0

.EXAMPLE
./build.ps1 Bench torture --points 100

.EXAMPLE
./build.ps1 Fuzz answers -Inputs 1000000

.EXAMPLE
./build.ps1 Mutate Saving/SafeName.cs Saving/NameTemplate.cs --test-case-filter 'FullyQualifiedName~Saving'
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'Check', 'Repeat', 'Package', 'Quickstart', 'Mutate', 'Fuzz', 'Format', 'Bench', 'Clean')]
    [string] $Task = 'Build',

    [ValidateSet('Release', 'Debug')]
    [string] $Configuration = 'Release',

    [switch] $NoBuild,

    [switch] $Verify,

    [ValidateRange(0, 1000)]
    [int] $Runs = 5,

    [ValidateRange(0, 1000)]
    [int] $BusyRuns = 5,

    [ValidateRange(0, 1000)]
    [int] $PesterRuns = 3,

    [ValidateRange(1, 1000000000)]
    [long] $Inputs = 100000,

    [Parameter(ValueFromRemainingArguments)]
    [object[]] $ArgumentList = @()
)

Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'

# Exit codes are looked at where they mean something.
$PSNativeCommandUseErrorActionPreference = $false

$solution = Join-Path $PSScriptRoot 'KlingPS.sln'
$output = Join-Path $PSScriptRoot 'out'
$manifest = Import-PowerShellDataFile -LiteralPath (Join-Path $PSScriptRoot 'KlingPS.psd1')
$stage = Join-Path $output 'KlingPS' $manifest.ModuleVersion

# Ends the script with one line on the error stream.
function Stop-Build([string] $Message) {
    $Host.UI.WriteErrorLine("build.ps1: $Message")
    exit 1
}

function Assert-Sdk {
    $needed = (Get-Content -LiteralPath (Join-Path $PSScriptRoot 'global.json') -Raw | ConvertFrom-Json).sdk.version
    if (-not (Get-Command dotnet -CommandType Application -ErrorAction Ignore)) {
        Stop-Build "The .NET SDK $needed or a later 10.0 is needed, and there is no dotnet on the PATH. Get it at https://dotnet.microsoft.com/download."
    }

    $null = dotnet --version 2>&1
    if ($LASTEXITCODE -ne 0) {
        $found = @(dotnet --list-sdks | ForEach-Object { ($_ -split ' ')[0] }) -join ', '
        Stop-Build "The .NET SDK $needed or a later 10.0 is needed, and $(if ($found) { "only $found is" } else { 'none is' }) installed. Get it at https://dotnet.microsoft.com/download."
    }
}

# Two builds in one checkout would write the same files. The second one waits. The file stays: deleting it would let a third one pass.
function Enter-Lock {
    $file = Join-Path $PSScriptRoot 'obj' 'build.lock'
    $isWaiting = $false
    while ($true) {
        try {
            $null = [IO.Directory]::CreateDirectory((Split-Path $file))
            return [IO.File]::Open($file, 'OpenOrCreate', 'ReadWrite', 'None')
        }
        catch {
            # The system's codes for a file that another process has open or has locked.
            $cause = $_.Exception.GetBaseException()
            if (($cause.HResult -band 0xFFFF) -notin 11, 32, 33, 35) {
                Stop-Build "This checkout cannot be written to, and a build puts its files there: $PSScriptRoot ($($cause.Message))"
            }
        }

        if (-not $isWaiting) {
            $isWaiting = $true
            Write-Host 'Another build is at work in this checkout. Waiting for it to finish...'
        }

        Start-Sleep -Milliseconds 250
    }
}

# Runs a build of dotnet's and shows what it makes and what is wrong, and nothing of what is up to date.
function Invoke-Build([string] $Project, [string[]] $Properties = @()) {
    if ($NoBuild) {
        if (-not (Test-Path -LiteralPath $stage)) {
            Stop-Build "Nothing has been built yet: there is no $stage. Leave -NoBuild out."
        }

        return
    }

    $begun = [datetime]::UtcNow
    if (-not (Test-Path -LiteralPath (Join-Path $PSScriptRoot 'src/KlingPS/obj/project.assets.json'))) {
        Write-Host 'Restoring packages (the first time only)...'
    }

    $all = [Collections.Generic.List[string]]::new()
    $errors = [Collections.Generic.HashSet[string]]::new()
    dotnet build $Project @Properties --configuration $Configuration --nologo --verbosity minimal --tl:off -clp:NoSummary 2>&1 | ForEach-Object {
        $line = "$_"
        $all.Add($line)
        if ($line -match ': error |\berror [A-Z]+\d+:') {
            if ($errors.Add($line) -and $line -notmatch 'NU1301') {
                Write-Host $line.Trim()
            }
        }
        elseif ($line -match ': warning |\bwarning [A-Z]+\d+:') {
            Write-Host $line.Trim()
        }
        elseif ($line -match '^\s*(\S+) -> (.+\.dll)$' -and [IO.File]::GetLastWriteTimeUtc($Matches[2]) -ge $begun) {
            Write-Host ('Built {0} ({1:0} s)' -f $Matches[1], ([datetime]::UtcNow - $begun).TotalSeconds)
        }
    }

    if ($LASTEXITCODE -ne 0) {
        $unreachable = $errors | Where-Object { $_ -match 'NU1301' } | Select-Object -First 1
        if ($unreachable) {
            Stop-Build "The packages could not be restored: $(($unreachable -replace '^.*NU1301: ' -replace ' \[[^]]*\]$').Trim()) Check the connection and any proxy, and run it again."
        }

        if ($errors.Count -eq 0) {
            $all | Write-Host
        }

        Stop-Build 'The build failed.'
    }
}

function New-Result([string] $Suite) {
    [pscustomobject] @{ Suite = $Suite; Seconds = 0.0; Passed = 0; Failed = 0; Skipped = 0; Failures = [Collections.Generic.List[string]]::new(); Reasons = [Collections.Generic.List[string]]::new() }
}

# Each project of tests is a program that runs its own. They run side by side, for tests often wait; and without VSTest, which would take a
# third of the processor's time for itself.
function Invoke-DotnetTests {
    $result = New-Result '.NET'
    $folder = [IO.Directory]::CreateTempSubdirectory('klingps-results-').FullName
    $memory = New-MemoryFolder
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $running = [Collections.Generic.List[object]]::new()
    try {
        foreach ($project in Get-ChildItem -LiteralPath (Join-Path $PSScriptRoot 'tests') -Directory -Filter '*.Tests') {
            $running.Add((Start-TestProgram $project $folder $memory))
        }

        while ($running.Count -gt 0) {
            foreach ($program in @($running)) {
                Stop-WhenHanging $program
                if ($program.Process.HasExited) {
                    $null = $running.Remove($program)
                    Add-TestResult $result $program
                }
            }

            Start-Sleep -Milliseconds 250
        }
    }
    finally {
        foreach ($left in $running) {
            $left.Process.Kill($true)
            $left.Log.Dispose()
        }

        Remove-Item -LiteralPath $folder -Recurse -Force
        if ($memory) {
            # A server of the tests removes its own folder when its program has ended, perhaps just now.
            Remove-Item -LiteralPath $memory -Recurse -Force -ErrorAction Ignore
        }
    }

    $result.Seconds = $watch.Elapsed.TotalSeconds
    $result
}

# A folder in memory for the temporary files of the .NET tests, which write and flush thousands of small ones; or nothing, where the system has
# no place for that, or a small one, as in many containers. What a test kills are processes, which lose nothing that was written to a disk or to
# memory. The Pester suite leaves its files on the disk.
function New-MemoryFolder {
    $place = '/dev/shm'
    try {
        $drive = $IsLinux ? [IO.DriveInfo]::new($place) : $null
        if ($drive -and $drive.DriveFormat -eq 'tmpfs' -and $drive.AvailableFreeSpace -gt 4GB) {
            # The server of a database runs as another user, whose folder is in it.
            $folder = [IO.Directory]::CreateDirectory("$place/klingps-$([guid]::NewGuid().ToString('N').Substring(0, 8))").FullName
            [IO.File]::SetUnixFileMode($folder, [IO.UnixFileMode] 'UserRead, UserWrite, UserExecute, GroupRead, GroupExecute, OtherRead, OtherExecute')
            $folder
        }
    }
    catch [IO.IOException], [UnauthorizedAccessException] {
        # There is the disk.
    }
}

# Starts the tests of a project. What they say goes to a file: a line when a test begins, and another when it ends.
function Start-TestProgram([IO.DirectoryInfo] $Project, [string] $Folder, [string] $Memory) {
    $name = $Project.Name
    $built = Join-Path $Project.FullName 'bin' $Configuration
    $program = Get-ChildItem -LiteralPath $built -File -Recurse -Filter ($IsWindows ? "$name.exe" : $name) -ErrorAction Ignore | Select-Object -First 1
    if (-not $program) {
        Stop-Build "$name has not been built. Leave -NoBuild out."
    }

    $start = [Diagnostics.ProcessStartInfo]::new($program.FullName)
    $start.WorkingDirectory = $program.DirectoryName
    $trx = Join-Path $Folder "$name.trx"
    foreach ($argument in '-noColor', '-noLogo', '-reporter', 'verbose', '-trx', $trx) {
        $start.ArgumentList.Add($argument)
    }

    if ($Memory) {
        $start.Environment['TMPDIR'] = $Memory
    }

    # These end before it pays that .NET compiles again what runs often. The tests of Core have loops for which it does.
    if ($name -ne 'KlingPS.Core.Tests') {
        $start.Environment['DOTNET_TC_CallCounting'] = '0'
    }

    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    $process.StandardInput.Close()
    $log = [IO.FileStream]::new((Join-Path $Folder "$name.log"), 'CreateNew', 'Write', 'Read', 1)
    @{
        Name = $name; Process = $process; Trx = $trx; Log = $log; Errors = $process.StandardError.ReadToEndAsync()
        Output = $process.StandardOutput.BaseStream.CopyToAsync($log); Length = 0; LastSeen = [datetime]::UtcNow
    }
}

# Ends a program of which no test has begun or ended for ten minutes.
function Stop-WhenHanging($Program) {
    $length = $Program.Log.Length
    if ($length -ne $Program.Length) {
        $Program.Length, $Program.LastSeen = $length, [datetime]::UtcNow
    }
    elseif ([datetime]::UtcNow - $Program.LastSeen -gt [timespan]::FromMinutes(10)) {
        $Program.Process.Kill($true)
        $Program.Process.WaitForExit()
    }
}

# Counts what came of the tests of a project, and shows those that failed.
function Add-TestResult($Result, $Program) {
    # What a test has started and left behind may still hold the other end.
    $null = [Threading.Tasks.Task]::WaitAll(@($Program.Output, $Program.Errors), 10000)
    $Program.Log.Dispose()
    $code = $Program.Process.ExitCode
    $errors = $Program.Errors.IsCompleted ? $Program.Errors.Result : ''
    $before = $Result.Passed, $Result.Failed, $Result.Skipped
    if (Test-Path -LiteralPath $Program.Trx) {
        Add-TrxResult $Result $Program.Trx
    }
    else {
        # A test that hangs, or takes its process with it, leaves the others without results.
        $open = [Collections.Generic.HashSet[string]]::new()
        foreach ($line in [IO.File]::ReadLines($Program.Log.Name)) {
            if ($line -match '^    (.+) \[STARTING\]$') {
                $null = $open.Add($Matches[1])
            }
            elseif ($line -match '^    (.+) \[FINISHED\]') {
                $null = $open.Remove($Matches[1])
                $Result.Passed++
            }
            elseif ($line -match '^    (.+) \[(FAIL|SKIP)\]$') {
                $Result.Passed--
                $Result.($Matches[2] -eq 'FAIL' ? 'Failed' : 'Skipped')++
                $Result.($Matches[2] -eq 'FAIL' ? 'Failures' : 'Reasons').Add($Matches[1])
            }
        }

        $Result.Failed += $open.Count
        $Result.Failures.AddRange([string[]] @($open | ForEach-Object { "$_ did not end." }))
        Write-Host $errors.Trim()
    }

    if ($code -ne 0 -and $Result.Failed -eq $before[1]) {
        $Result.Failed++
        $Result.Failures.Add("$($Program.Name) ended with exit code $code.")
        Write-Host "$([IO.File]::ReadAllText($Program.Log.Name))$errors".Trim()
    }

    Write-Host ('{0}: {1} passed, {2} failed, {3} skipped' -f $Program.Name, ($Result.Passed - $before[0]), ($Result.Failed - $before[1]), ($Result.Skipped - $before[2]))
}

function Add-TrxResult($Result, [string] $Path) {
    $trx = [xml]::new()
    $trx.Load($Path)
    foreach ($test in $trx.GetElementsByTagName('UnitTestResult')) {
        $message = $test.GetElementsByTagName('Message')
        switch ($test.outcome) {
            'Passed' { $Result.Passed++ }
            { $_ -in 'NotExecuted', 'NotRunnable' } {
                # An explicit test has no reason: it is a program that other tests start.
                if ($message.Count) {
                    $Result.Skipped++
                    $Result.Reasons.Add("$($test.testName): $($message[0].InnerText)")
                }
            }
            default {
                $Result.Failed++
                $Result.Failures.Add($test.testName)
                Write-Host "$($test.testName) failed:"
                foreach ($part in 'Message', 'StackTrace', 'StdOut') {
                    $test.GetElementsByTagName($part) | ForEach-Object { Write-Host $_.InnerText.TrimEnd() }
                }
            }
        }
    }
}

# Starts another shell of the same kind. As a .NET tool it is a pwsh.dll that dotnet runs.
function Start-Shell([string[]] $Arguments, [string] $WorkingDirectory = $PSScriptRoot, [hashtable] $Environment = @{}) {
    $start = [Diagnostics.ProcessStartInfo]::new([Environment]::ProcessPath)
    $start.WorkingDirectory = $WorkingDirectory
    foreach ($variable in $Environment.GetEnumerator()) {
        $start.Environment[$variable.Key] = $variable.Value
    }

    if ((Split-Path $start.FileName -LeafBase) -eq 'dotnet') {
        $start.ArgumentList.Add((Join-Path $PSHOME 'pwsh.dll'))
    }

    foreach ($argument in @('-NoProfile', '-NonInteractive', '-File') + $Arguments) {
        $start.ArgumentList.Add($argument)
    }

    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    $process.StandardInput.Close()
    $process
}

# Each file runs in a shell of its own that has imported nothing, four of them at a time: a test mostly waits. The shells that the tests
# start end before it pays that .NET watches what they run, compiles again what runs often, and keeps what it compiles from being written and
# run at the same time.
function Invoke-PesterSuite {
    $brief = @{ DOTNET_TieredPGO = '0'; DOTNET_TC_CallCounting = '0'; DOTNET_EnableWriteXorExecute = '0' }
    $result = New-Result 'Pester'
    $pester = "$(dotnet msbuild (Join-Path $PSScriptRoot 'tests/KlingPS.Tests') -getProperty:PkgPester | Select-Object -Last 1)".Trim()
    if (-not $pester -or -not (Test-Path -LiteralPath $pester)) {
        Stop-Build 'Pester has not been restored. Leave -NoBuild out.'
    }

    # Those that take longest first, so that the last ones are short, and of the others the largest.
    $root = New-PlainPath
    $longest = 'Neighbours', 'Build', 'Hygiene', 'Schedulers', 'Automation', 'Help'
    $files = Get-ChildItem "$root/tests/Pester" -Filter *.Tests.ps1 | Sort-Object { -$longest.IndexOf(($_.Name -split '\.')[0]) }, { -$_.Length }
    $files = [Collections.Generic.Queue[string]]::new([string[]] $files.FullName)
    $running = [Collections.Generic.List[object]]::new()
    $watch = [Diagnostics.Stopwatch]::StartNew()
    try {
        while ($files.Count -gt 0 -or $running.Count -gt 0) {
            while ($files.Count -gt 0 -and $running.Count -lt 4) {
                $file = $files.Dequeue()
                $counts = [IO.Path]::GetTempFileName()
                $process = Start-Shell "$root/tests/Pester/Invoke-File.ps1", (Join-Path $pester 'tools' 'Pester.psd1'), $file, $counts -WorkingDirectory $root -Environment $brief
                $running.Add(@{ File = $file; Counts = $counts; Process = $process; Output = $process.StandardOutput.ReadToEndAsync(); Errors = $process.StandardError.ReadToEndAsync() })
            }

            foreach ($done in @($running | Where-Object { $_.Process.HasExited })) {
                $null = $running.Remove($done)
                Write-Host "$($done.Output.Result)$($done.Errors.Result)".Trim()
                $counts = Get-Content -LiteralPath $done.Counts -Raw | ConvertFrom-Json
                Remove-Item -LiteralPath $done.Counts
                if ($counts) {
                    $result.Passed += $counts.Passed
                    $result.Failed += $counts.Failed
                    $result.Skipped += $counts.Skipped
                    $result.Failures.AddRange([string[]] $counts.Failures)
                    $result.Reasons.AddRange([string[]] $counts.Reasons)
                }
                else {
                    $result.Failed++
                    $result.Failures.Add("$(Split-Path $done.File -Leaf) ended before its tests did.")
                }
            }

            Start-Sleep -Milliseconds 100
        }
    }
    finally {
        foreach ($left in $running) {
            $left.Process.Kill($true)
        }

        Remove-PlainPath $root
    }

    $result.Seconds = $watch.Elapsed.TotalSeconds
    $result
}

# Pester finds no file in a folder with brackets in its path, and PowerShell no module. Such a checkout is tested and packed through a link.
function New-PlainPath {
    if (-not [wildcardpattern]::ContainsWildcardCharacters($PSScriptRoot)) {
        return $PSScriptRoot
    }

    $link = Join-Path ([IO.Path]::GetTempPath()) "klingps-$([guid]::NewGuid().ToString('N'))"
    if ($IsWindows) {
        $null = New-Item $link -ItemType Junction -Value $PSScriptRoot
    }
    else {
        $null = [IO.Directory]::CreateSymbolicLink($link, $PSScriptRoot)
    }

    $link
}

function Remove-PlainPath([string] $Path) {
    if ($Path -ne $PSScriptRoot) {
        (Get-Item -LiteralPath $Path).Delete()
    }
}

# What was skipped and what failed, then a line for each suite, then the sum.
function Write-Result([object[]] $Results) {
    # One by one: in strict mode, a property of several objects is no property at all when all of them have an empty list in it.
    foreach ($group in $Results | ForEach-Object { $_.Reasons } | Group-Object) {
        Write-Host "Skipped: $($group.Name)$(if ($group.Count -gt 1) { " ($($group.Count) tests)" })"
    }

    foreach ($failure in $Results | ForEach-Object { $_.Failures }) {
        Write-Host "Failed: $failure"
    }

    foreach ($result in $Results) {
        Write-Host ('{0}: {1} passed, {2} failed, {3} skipped in {4:0} s' -f $result.Suite, $result.Passed, $result.Failed, $result.Skipped, $result.Seconds)
    }

    $sums = 'Passed', 'Failed', 'Skipped' | ForEach-Object { ($Results | Measure-Object $_ -Sum).Sum }
    Write-Host ('{0} passed, {1} failed, {2} skipped' -f $sums)
}

# Keeps every processor busy while a script runs. The shells that do so end with this process, however it ends.
function Invoke-WhileBusy([scriptblock] $Script) {
    $loop = [IO.Path]::GetTempFileName() + '.ps1'
    Set-Content -LiteralPath $loop "`$parent = [Diagnostics.Process]::GetProcessById($PID); while (-not `$parent.HasExited) { for (`$i = 0; `$i -lt 1000000; `$i++) { } }"
    $busy = @(1..[Environment]::ProcessorCount | ForEach-Object { Start-Shell $loop })
    try {
        & $Script
    }
    finally {
        foreach ($process in $busy) {
            $process.Kill($true)
            $process.WaitForExit()
            $process.Dispose()
        }

        Remove-Item -LiteralPath $loop
    }
}

function Invoke-Repeatedly {
    $plan = @(@{ Busy = 'no'; Run = { Invoke-DotnetTests } }) * $Runs +
        @(@{ Busy = 'yes'; Run = { Invoke-WhileBusy { Invoke-DotnetTests } } }) * $BusyRuns +
        @(@{ Busy = 'no'; Run = { Invoke-PesterSuite } }) * $PesterRuns
    $number = 0
    $rows = foreach ($step in $plan) {
        $number++
        Write-Host "== Run $number of $($plan.Count)"
        $result = & $step.Run
        $result | Add-Member Busy $step.Busy
        $result | Add-Member Run $number
        $result
    }

    $rows | ForEach-Object { $_.Failures } | Group-Object | ForEach-Object { Write-Host "Failed $($_.Count) times: $($_.Name)" }
    $rows | Format-Table Run, Suite, Busy, @{ Label = 'Seconds'; Expression = { $_.Seconds }; FormatString = '0' }, Passed, Failed, Skipped | Out-Host
    if ($rows | Where-Object Failed) {
        Stop-Build 'Not every run passed.'
    }
}

# Says what is wrong with the formatting, or nothing.
function Invoke-Format {
    $isVerifying = $Verify -or $Task -eq 'Check'
    $options = @(if ($isVerifying) { '--verify-no-changes' })
    dotnet format $solution @options | Out-Host
    if ($isVerifying -and $LASTEXITCODE -eq 2) {
        'The code is not formatted. ./build.ps1 Format does it.'
    }
    elseif ($LASTEXITCODE -ne 0) {
        "dotnet format ended with exit code $LASTEXITCODE."
    }
}

function Invoke-Bench {
    $name, $options = $ArgumentList | ForEach-Object { $_ -join ',' }
    $options = @($options | Where-Object { $null -ne $_ })
    switch ($name) {
        $null { Stop-Build "Which benchmark? Name one: goals, page, gallery, torture, race, telemetry, ledger, machines or callbacks." }
        'page' {
            $tests = Join-Path $PSScriptRoot 'tests/KlingPS.Browser.Tests'
            Invoke-Build $tests
            dotnet run --project $tests --configuration $Configuration --no-build -- -explicit only -class KlingPS.Browser.Tests.PageFigures -parallel none -showLiveOutput @options | Out-Host
            if ($LASTEXITCODE -ne 0) {
                Stop-Build "The benchmark ended with exit code $LASTEXITCODE."
            }
        }
        default {
            # What it measures in a shell, it measures in this one.
            $shell = [Environment]::ProcessPath
            $env:KLINGPS_BENCH_PWSH = (Split-Path $shell -LeafBase) -eq 'dotnet' ? (Join-Path $PSHOME 'pwsh.dll') : $shell
            dotnet run --project (Join-Path $PSScriptRoot 'bench/KlingPS.Bench') --configuration $Configuration --no-build -- $name @options | Out-Host
            if ($LASTEXITCODE -ne 0) {
                Stop-Build "The benchmark ended with exit code $LASTEXITCODE."
            }
        }
    }
}

function Invoke-Fuzz {
    $target, $options = $ArgumentList | ForEach-Object { "$_" }
    if (-not $target -or $target -like '-*') {
        Stop-Build 'Which target? Name one: answers, callbacks, images, clips, prompts, names, configuration, addresses, sidecars, choices, plans or ledger; or all.'
    }

    $options = @($options | Where-Object { $null -ne $_ })
    dotnet run --project (Join-Path $PSScriptRoot 'tests/KlingPS.Fuzz') --configuration $Configuration --no-build -- $target --inputs $Inputs --out (Join-Path $output 'fuzz') @options | Out-Host
    if ($LASTEXITCODE -ne 0) {
        Stop-Build "The fuzzing ended with exit code $LASTEXITCODE."
    }
}

function Invoke-Mutation {
    $values = @($ArgumentList | ForEach-Object { "$_" })
    $index = 0
    while ($index -lt $values.Count -and $values[$index] -notlike '-*') {
        $index++
    }

    if ($index -eq 0) {
        Stop-Build 'Which files? Name them below src/KlingPS.Core, for example Ledger/BudgetRule.cs.'
    }

    $files = $values[0..($index - 1)] | ForEach-Object { '--mutate', "**/$($_.Replace('\', '/'))" }
    $options = @($values | Select-Object -Skip $index)

    # Tests are in a folder of the same name as what they test.
    $env:MutationTests = @($values[0..($index - 1)] | ForEach-Object { "$(($_ -split '[\\/]')[0])/**/*Tests.cs" } | Select-Object -Unique) -join ';'
    dotnet tool restore | Out-Null
    Push-Location -LiteralPath (Join-Path $PSScriptRoot 'tests/KlingPS.Core.Tests')
    try {
        dotnet stryker --configuration $Configuration --output (Join-Path $output 'mutation') @files @options | Out-Host
    }
    finally {
        $env:MutationTests = $null
        Pop-Location
    }

    if ($LASTEXITCODE -ne 0) {
        Stop-Build "Stryker ended with exit code $LASTEXITCODE."
    }
}

function New-Package {
    if (-not (Get-Command Compress-PSResource -ErrorAction Ignore)) {
        Stop-Build 'Packing needs Compress-PSResource of Microsoft.PowerShell.PSResourceGet 1.1 or later, which comes with PowerShell 7.5 and later.'
    }

    Get-ChildItem -LiteralPath $output -Filter KlingPS.*.nupkg | Remove-Item
    $root = New-PlainPath
    try {
        $name = (Compress-PSResource -Path (Join-Path $root 'out' 'KlingPS' $manifest.ModuleVersion) -DestinationPath (Join-Path $root 'out') -PassThru).Name
    }
    finally {
        Remove-PlainPath $root
    }

    $package = Get-Item -LiteralPath (Join-Path $output $name)
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

function Remove-Built {
    Get-ChildItem -LiteralPath $PSScriptRoot -Directory |
        Where-Object Name -In src, tests, bench |
        ForEach-Object { Get-ChildItem -LiteralPath $_.FullName -Directory } |
        ForEach-Object { Get-ChildItem -LiteralPath $_.FullName -Directory } |
        Where-Object Name -In bin, obj |
        Remove-Item -Recurse -Force
    if (Test-Path -LiteralPath $output) {
        Remove-Item -LiteralPath $output -Recurse -Force
    }
}

if ($ArgumentList -and $Task -notin 'Bench', 'Mutate', 'Fuzz') {
    Stop-Build "What is '$($ArgumentList[0])'? Get-Help ./build.ps1 -Detailed shows what there is."
}

# The SDK's messages are read by Invoke-Build.
$language = $env:DOTNET_CLI_UI_LANGUAGE
$env:DOTNET_CLI_UI_LANGUAGE = 'en'
$lock = $null
Push-Location -LiteralPath $PSScriptRoot
try {
    if (-not $NoBuild) {
        Assert-Sdk
        $lock = Enter-Lock
    }

    switch ($Task) {
        'Build' {
            Invoke-Build $solution
            Write-Host "KlingPS $($manifest.ModuleVersion) is in $stage"
        }
        { $_ -in 'Test', 'Check' } {
            Write-Host "PowerShell $($PSVersionTable.PSVersion), .NET SDK $(dotnet --version), $($PSVersionTable.OS)"
            $results = @()
            if ($Task -eq 'Check') {
                $format = New-Result 'Format'
                foreach ($problem in Invoke-Format) {
                    $format.Failed++
                    $format.Failures.Add($problem)
                }

                $results += $format
            }

            Invoke-Build $solution
            $results += Invoke-DotnetTests
            $results += Invoke-PesterSuite
            Write-Result $results
            if ($results | Where-Object Failed) {
                exit 1
            }
        }
        'Repeat' {
            Invoke-Build $solution
            Invoke-Repeatedly
        }
        'Package' {
            # For the users' platforms, and not only for this machine.
            Invoke-Build (Join-Path $PSScriptRoot 'src/KlingPS.Precompiled') '-p:PrecompiledFor=all'
            New-Package
        }
        'Quickstart' {
            Invoke-Build (Join-Path $PSScriptRoot 'src/KlingPS.Precompiled')
            & (Join-Path $PSScriptRoot 'samples/Quickstart.ps1')
        }
        'Format' {
            foreach ($problem in Invoke-Format) {
                Stop-Build $problem
            }
        }
        'Mutate' {
            Invoke-Mutation
        }
        'Fuzz' {
            Invoke-Build (Join-Path $PSScriptRoot 'tests/KlingPS.Fuzz')
            Invoke-Fuzz
        }
        'Bench' {
            Invoke-Build (Join-Path $PSScriptRoot 'src/KlingPS.Precompiled')
            Invoke-Build (Join-Path $PSScriptRoot 'bench/KlingPS.Bench')
            Invoke-Bench
        }
        'Clean' {
            Remove-Built
        }
    }
}
finally {
    if ($lock) {
        $lock.Dispose()
    }

    Pop-Location
    $env:DOTNET_CLI_UI_LANGUAGE = $language
}
