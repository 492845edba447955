# What importing the module does to a shell, besides making its cmdlets known. (What it costs is in bench/RESULTS.md.)

BeforeAll {
    . "$PSScriptRoot/Shells.ps1"

    $seen = Invoke-PrivateShell -Folder "$TestDrive/home" @"
        function Get-Files { @(Get-ChildItem '$TestDrive/home' -Recurse -File -Force | ForEach-Object { "`$(`$_.FullName) `$(`$_.LastWriteTimeUtc.Ticks)" }) }
        function Get-Assemblies { @([AppDomain]::CurrentDomain.GetAssemblies() | ForEach-Object { `$_.GetName().Name }) }
        `$null = Get-Files; `$null = Get-Assemblies
        `$files = Get-Files
        `$assemblies = Get-Assemblies
        `$variables = [Environment]::GetEnvironmentVariables().Count
        Import-Module '$stage/KlingPS.psd1'
        @{
            Assemblies = @(Get-Assemblies | Where-Object { `$_ -notin `$assemblies })
            Loaded = Get-Assemblies
            Files = @(Get-Files | Where-Object { `$_ -notin `$files })
            Variables = [Environment]::GetEnvironmentVariables().Count - `$variables
            Aliases = @(Get-Alias | Where-Object Source -EQ KlingPS).Count
            Cmdlets = @(Get-Command -Module KlingPS).Name
        } | ConvertTo-Json
"@ | ConvertFrom-Json -AsHashtable
}

Describe 'Importing the module' {
    It 'makes the cmdlets of the manifest known' {
        $seen.Cmdlets | Sort-Object | Should -Be ((Import-PowerShellDataFile "$stage/KlingPS.psd1").CmdletsToExport | Sort-Object)
    }

    It 'loads no assembly but KlingPS and KlingPS.Core' {
        $seen.Assemblies | Should -Contain 'KlingPS'
        $seen.Assemblies | Where-Object { $_ -notin 'KlingPS', 'KlingPS.Core' } | Should -BeNullOrEmpty
    }

    It 'has nothing on the network, for which it would need one of these' {
        $seen.Loaded | Where-Object { $_ -in 'System.Net.Http', 'System.Net.HttpListener', 'System.Net.NameResolution' } | Should -BeNullOrEmpty
    }

    It 'touches no file of the user' {
        $seen.Files | Should -BeNullOrEmpty
        "$TestDrive/home/ledger.db" | Should -Not -Exist
        "$TestDrive/home/config.json" | Should -Not -Exist
    }

    It 'leaves no alias and no variable of the environment' {
        $seen.Aliases | Should -Be 0
        $seen.Variables | Should -Be 0
    }
}
