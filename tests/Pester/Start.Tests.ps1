# What a shell loads ahead of a command that uses a ledger, on another thread, and what that must not do.

BeforeAll {
    . "$PSScriptRoot/Shells.ps1"

    # Whether SQLite is loaded within a while after a command, and whether there is a ledger then.
    function Get-Start([string] $Command, [string] $Folder, [hashtable] $Environment = @{}, [int] $Seconds = 60) {
        $result = Wait-Shell (Start-PrivateShell -Folder $Folder -Environment $Environment "
            Import-Module '$module'
            try { $Command } catch { `$_.FullyQualifiedErrorId }
            `$watch = [Diagnostics.Stopwatch]::StartNew()
            do {
                Start-Sleep -Milliseconds 50
                `$isLoaded = 'Microsoft.Data.Sqlite' -in [AppDomain]::CurrentDomain.GetAssemblies().ForEach({ `$_.GetName().Name })
            } until (`$isLoaded -or `$watch.Elapsed.TotalSeconds -ge $Seconds)
            `"loaded `$isLoaded, ledger `$(Test-Path '$Folder/ledger.db')`"")
        $result.Errors | Should -BeNullOrEmpty
        $result.Lines -join '; '
    }
}

Describe 'A command that uses a ledger' {
    It 'has SQLite loaded while its parameters are bound, and leaves nothing behind where they cannot be' {
        Get-Start 'Get-KlingVideoTask -NoSuchParameter' "$TestDrive/refused" | Should -Be 'NamedParameterNotFound,KlingPS.Commands.GetKlingVideoTaskCommand; loaded True, ledger False'
    }

    It 'loads no SQLite where the ledger is on a server' {
        $server = @{ KLINGPS_LEDGER = 'postgresql://nobody@127.0.0.1:1/videos'; KIE_API_KEY = 'some-key' }
        Get-Start 'Get-KlingVideoTask -NoSuchParameter' "$TestDrive/server" $server -Seconds 3 | Should -Match 'loaded False, ledger False$'
    }

    It 'tells of a configuration that cannot be read as it would by itself, once' {
        $null = New-Item "$TestDrive/wrong" -ItemType Directory
        Set-Content "$TestDrive/wrong/config.json" '{ "Ledger": '
        Get-Start 'Get-KlingVideoTask -ErrorAction Stop' "$TestDrive/wrong" -Seconds 1 | Should -Match '^Kling\w+,\S+; loaded False, ledger False$'
    }
}

Describe 'A command that uses none' {
    It 'loads no SQLite' {
        Get-Start '$null = Get-KlingModel' "$TestDrive/none" -Seconds 1 | Should -Be 'loaded False, ledger False'
    }
}
