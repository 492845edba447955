# Which of the module's assemblies a shell loads: what was compiled ahead of time for its platform and its version of .NET, or else what runs anywhere.

BeforeDiscovery {
    # A build compiles for these platforms, and for the .NET of PowerShell 7.6.
    $system = if ($IsWindows) { 'win' } elseif ($IsMacOS) { 'osx' } else { 'linux' }
    $platform = "$system-$([Runtime.InteropServices.RuntimeInformation]::ProcessArchitecture)".ToLowerInvariant()
    $isNone = [Environment]::Version.Major -ne 10 -or $platform -notin 'win-x64', 'linux-x64', 'linux-arm64', 'osx-arm64'
    $none = if ($isNone) { " (skipped: nothing is compiled for $platform with .NET $([Environment]::Version.Major))" }
}

Describe "What is compiled ahead of time$none" -Skip:$isNone -ForEach @{ Platform = $platform } {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"

        # Where the engine and then the ledger's library come from, once the ledger has been used.
        function Get-Loaded([string] $Module, [string] $Folder) {
            Invoke-PrivateShell -Folder $Folder "
                Import-Module '$Module/KlingPS.psd1'
                `$null = Connect-KlingAccount -Sandbox
                `$null = Get-KlingVideoTask
                [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { `$_.GetName().Name -in 'KlingPS.Core', 'Microsoft.Data.Sqlite' } | Sort-Object { `$_.GetName().Name } | ForEach-Object Location"
        }

        function Copy-Stage([string] $Folder) {
            Copy-Item -LiteralPath $stage -Destination $Folder -Recurse
            $Folder
        }

        $anywhere = 'bin/KlingPS.Core.dll', 'bin/dependencies/Microsoft.Data.Sqlite.dll'
    }

    It 'is loaded by a shell of its platform' {
        Get-Loaded $stage "$TestDrive/same" | Should -Be (@('KlingPS.Core.dll', 'Microsoft.Data.Sqlite.dll') | ForEach-Object { Join-Path $stage 'bin' 'net10.0' $Platform $_ })
    }

    It 'is not compiled again while it runs, however often it is called' {
        # The shells of other tests are too short for .NET to compile anything again.
        $list = @{ DOTNET_JitStdOutFile = "$TestDrive/compiled.txt"; DOTNET_JitDisasmSummary = '1'; DOTNET_TC_CallCounting = $null }
        $result = Wait-Shell (Start-PrivateShell -Folder "$TestDrive/again" -Environment $list "
            Import-Module '$module'
            `$null = Connect-KlingAccount -Sandbox
            foreach (`$round in 1..5) {
                foreach (`$call in 1..50) { `$null = Get-KlingVideoTask }
                Start-Sleep -Milliseconds 500
            }")
        $result.Errors | Should -BeNullOrEmpty

        # A line of .NET's own list: "4711: JIT compiled System.String:Concat(System.String,System.String) [Tier1, IL size=62, code size=112]".
        $again = @(Get-Content -LiteralPath "$TestDrive/compiled.txt") -match '\[(Instrumented )?Tier1'
        $again -match 'JIT compiled System\.' | Should -Not -BeNullOrEmpty -Because 'the calls were enough for what .NET has itself'
        $again -match 'JIT compiled KlingPS\.Core\.' | Should -BeNullOrEmpty
    }

    It 'is not needed on any other platform' {
        $copy = Copy-Stage "$TestDrive/other-module"
        Rename-Item "$copy/bin/net10.0/$Platform" 'other-x64'

        Get-Loaded $copy "$TestDrive/other" | Should -Be ($anywhere | ForEach-Object { Join-Path $copy $_ })
    }

    It 'is left alone where .NET cannot use it' {
        $copy = Copy-Stage "$TestDrive/damaged-module"
        [IO.File]::WriteAllText("$copy/bin/net10.0/$Platform/KlingPS.Core.dll", 'made for another processor')

        Get-Loaded $copy "$TestDrive/damaged" | Should -Be ($anywhere | ForEach-Object { Join-Path $copy $_ })
    }

    It 'is left alone where a library of the ledger is damaged' {
        $copy = Copy-Stage "$TestDrive/damaged-library"
        [IO.File]::WriteAllText("$copy/bin/net10.0/$Platform/Microsoft.Data.Sqlite.dll", '')

        Get-Loaded $copy "$TestDrive/library" | Should -Be "$copy/bin/net10.0/$Platform/KlingPS.Core.dll", "$copy/bin/dependencies/Microsoft.Data.Sqlite.dll"
    }
}
