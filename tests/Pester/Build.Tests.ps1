# How build.ps1 deals with what is not as it should be, in a checkout that holds just enough, in a folder whose name is not the easiest.

BeforeDiscovery {
    $allPowerful = if ($IsWindows -or (id -u) -eq 0) { ' (skipped: no folder is read-only for this user)' }
}

Describe 'build.ps1' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"

        function New-Checkout {
            $folder = "$TestDrive/checkout [$([guid]::NewGuid().ToString('N').Substring(0, 8))] ü"
            $null = [IO.Directory]::CreateDirectory($folder)
            foreach ($file in 'build.ps1', 'global.json', 'KlingPS.psd1') {
                [IO.File]::Copy("$root/$file", "$folder/$file")
            }

            $folder
        }

        function Invoke-Build([string] $Checkout, [string[]] $Arguments, [hashtable] $Environment = @{}) {
            Wait-Shell (Start-Shell (@('-NoProfile', '-NonInteractive', '-File', "$Checkout/build.ps1") + $Arguments) ($Environment + @{ NO_COLOR = '1' }))
        }

        # One line on the error stream, nothing else, and a failure.
        function Assert-OneLine($Result, [string] $Like) {
            $Result.ExitCode | Should -Be 1
            $Result.Errors.Trim() -split '\r?\n' | Should -HaveCount 1
            $Result.Errors.Trim() | Should -BeLike $Like
        }
    }

    It 'runs in the version of PowerShell whose engine the .NET tests use' {
        $tools = (Get-Content -LiteralPath "$root/.config/dotnet-tools.json" -Raw | ConvertFrom-Json).tools
        $packages = [xml](Get-Content -LiteralPath "$root/Directory.Packages.props" -Raw)
        $packages.SelectSingleNode("//PackageVersion[@Include='System.Management.Automation']/@Version").Value | Should -Be $tools.powershell.version
    }

    It 'names the tasks there are when it is given another one' {
        $tasks = (Get-Command "$root/build.ps1").Parameters['Task'].Attributes.ValidValues
        $tasks | Should -Contain 'Quickstart'
        $result = Invoke-Build $root 'nonsense'
        Assert-OneLine $result "*""nonsense""*$($tasks -join ',')*"
        $result.Output | Should -BeNullOrEmpty
    }

    It 'refuses an argument that it does not know' {
        Assert-OneLine (Invoke-Build $root 'Clean', '--everything') "build.ps1: What is '--everything'?*"
    }

    It 'names the targets there are when it is told to fuzz none' {
        $targets = [regex]::Matches([IO.File]::ReadAllText("$root/tests/KlingPS.Fuzz/FuzzTargets.cs"), '\["(\w+)"\]').ForEach({ $_.Groups[1].Value })
        $targets | Should -Contain 'ledger'
        $result = Invoke-Build $root 'Fuzz', '-NoBuild'
        Assert-OneLine $result 'build.ps1: Which target? *; or all.'
        foreach ($target in $targets) {
            $result.Errors | Should -Match "\b$target\b"
        }
    }

    It 'ends with the counts when <Case>' -ForEach @(
        @{ Case = 'every test has passed'; Failures = @(); Reasons = @(); Lines = @('one: 2 passed, 0 failed, 0 skipped in 1 s', 'other: 3 passed, 0 failed, 0 skipped in 2 s', '5 passed, 0 failed, 0 skipped') }
        @{ Case = 'some tests have failed or were skipped'; Failures = @('a', 'b'); Reasons = @('c', 'c', 'd'); Lines = @('Skipped: c (2 tests)', 'Skipped: d', 'Failed: a', 'Failed: b', 'one: 2 passed, 2 failed, 3 skipped in 1 s', 'other: 3 passed, 0 failed, 0 skipped in 2 s', '5 passed, 2 failed, 3 skipped') }
    ) {
        $script = [Management.Automation.Language.Parser]::ParseFile("$root/build.ps1", [ref] $null, [ref] $null)
        $written = & {
            Set-StrictMode -Version 3
            foreach ($name in 'New-Result', 'Write-Result') {
                . ([scriptblock]::Create($script.Find({ $args[0] -is [Management.Automation.Language.FunctionDefinitionAst] -and $args[0].Name -eq $name }, $true).Extent.Text))
            }

            $one, $other = (New-Result 'one'), (New-Result 'other')
            $one.Passed, $one.Failed, $one.Skipped, $one.Seconds = 2, $Failures.Count, $Reasons.Count, 1
            $one.Failures.AddRange([string[]] $Failures)
            $one.Reasons.AddRange([string[]] $Reasons)
            $other.Passed, $other.Seconds = 3, 2
            Write-Result $one, $other
        } 6>&1
        $written | ForEach-Object { "$_" } | Should -Be $Lines
    }

    It 'says which SDK it needs where there is only an older one' {
        $checkout = New-Checkout
        [IO.File]::WriteAllText("$checkout/global.json", '{ "sdk": { "version": "99.0.100" } }')
        Assert-OneLine (Invoke-Build $checkout 'Build') 'build.ps1: The .NET SDK 99.0.100 or a later *, and only *10.0.* installed.*https://dotnet.microsoft.com/download*'
    }

    It 'says that it needs an SDK where there is none' {
        Assert-OneLine (Invoke-Build (New-Checkout) 'Build' @{ PATH = $TestDrive }) 'build.ps1: The .NET SDK 10.* there is no dotnet on the PATH.*'
    }

    It 'says that it cannot write to the checkout' {
        $checkout = New-Checkout
        [IO.File]::WriteAllText("$checkout/obj", 'a file where it puts its folder')
        Assert-OneLine (Invoke-Build $checkout 'Clean') "build.ps1: This checkout cannot be written to*$([wildcardpattern]::Escape($checkout))*"
    }

    It "says that it cannot write to the checkout when that is read-only$allPowerful" -Skip:([bool]$allPowerful) {
        $checkout = New-Checkout
        chmod 500 $checkout
        Assert-OneLine (Invoke-Build $checkout 'Clean') 'build.ps1: This checkout cannot be written to*'
        chmod 700 $checkout
    }

    It 'says that it cannot reach the packages' {
        $checkout = New-Checkout
        $null = [IO.Directory]::CreateDirectory("$checkout/src/KlingPS.Precompiled")
        [IO.File]::WriteAllText("$checkout/NuGet.config", '<configuration><packageSources><clear /><add key="nowhere" value="http://127.0.0.1:9/index.json" allowInsecureConnections="true" /></packageSources></configuration>')
        [IO.File]::WriteAllText("$checkout/src/KlingPS.Precompiled/KlingPS.Precompiled.csproj", '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup><ItemGroup><PackageReference Include="Nowhere" Version="1.0.0" /></ItemGroup></Project>')
        $result = Invoke-Build $checkout 'Package' @{ NUGET_PACKAGES = "$TestDrive/packages" }
        Assert-OneLine $result 'build.ps1: The packages could not be restored: *http://127.0.0.1:9/index.json*Check the connection*'
        $result.Lines | Should -Be 'Restoring packages (the first time only)...'
    }

    It 'waits for another build in the same checkout, and says so' {
        $checkout = New-Checkout
        $null = [IO.Directory]::CreateDirectory("$checkout/obj")
        $null = [IO.Directory]::CreateDirectory("$checkout/out/leftover")
        $lock = [IO.File]::Open("$checkout/obj/build.lock", 'OpenOrCreate', 'ReadWrite', 'None')
        $start = [Diagnostics.ProcessStartInfo]::new($powerShell, [string[]] ($powerShellArguments + '-NoProfile', '-NonInteractive', '-File', "$checkout/build.ps1", 'Clean'))
        $start.RedirectStandardOutput = $true
        $process = [Diagnostics.Process]::Start($start)
        try {
            $process.StandardOutput.ReadLine() | Should -Be 'Another build is at work in this checkout. Waiting for it to finish...'
            $process.HasExited | Should -BeFalse
            [IO.Directory]::Exists("$checkout/out") | Should -BeTrue
        }
        finally {
            $lock.Dispose()
        }

        $process.StandardOutput.ReadToEnd() | Should -BeNullOrEmpty
        $process.WaitForExit(600000) | Should -BeTrue
        $process.ExitCode | Should -Be 0
        [IO.Directory]::Exists("$checkout/out") | Should -BeFalse
    }

    It 'without a build says that nothing has been built' {
        Assert-OneLine (Invoke-Build (New-Checkout) 'Quickstart', '-NoBuild') 'build.ps1: Nothing has been built yet*Leave -NoBuild out.'
    }

    It 'packs the module where it is' -Skip:(-not (Get-Command Compress-PSResource -ErrorAction Ignore)) {
        $checkout = New-Checkout
        Copy-Item "$root/out/KlingPS" "$checkout/out/KlingPS" -Recurse
        $result = Invoke-Build $checkout 'Package', '-NoBuild'
        $result.Errors | Should -BeNullOrEmpty
        $result.ExitCode | Should -Be 0
        [IO.Directory]::GetFiles("$checkout/out") | Split-Path -Leaf | Should -Be "KlingPS.$version.nupkg"
    }

    It 'runs the quickstart where it is' {
        $checkout = New-Checkout
        Copy-Item "$root/samples" $checkout -Recurse
        Copy-Item "$root/out/KlingPS" "$checkout/out/KlingPS" -Recurse
        $result = Invoke-Build $checkout 'Quickstart', '-NoBuild'
        $result.Errors | Should -BeNullOrEmpty
        $result.ExitCode | Should -Be 0
        [IO.Directory]::GetFiles("$checkout/out/quickstart") | Should -HaveCount 3
    }
}
