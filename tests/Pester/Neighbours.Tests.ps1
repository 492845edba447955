# Beside a module that brings other versions of the same libraries, whichever comes first.

BeforeDiscovery {
    $work = 'Invoke-NeighbourWork "$HOME/neighbour.db"'
    $orders = @(
        @{ Order = 'before KlingPS, and works first'; Steps = 'Import-Module Neighbour', $work, 'Import-Module KlingPS', '$videos = Make-Video', $work }
        @{ Order = 'before KlingPS, and works last'; Steps = 'Import-Module Neighbour', 'Import-Module KlingPS', '$videos = Make-Video', $work }
        @{ Order = 'after KlingPS has worked'; Steps = 'Import-Module KlingPS', '$videos = Make-Video', 'Import-Module Neighbour', $work, '$videos = Make-Video' }
        @{ Order = 'after KlingPS, but works first'; Steps = 'Import-Module KlingPS', 'Import-Module Neighbour', $work, '$videos = Make-Video', $work }
    )
}

BeforeAll {
    . "$PSScriptRoot/Shells.ps1"
    $built = Get-ChildItem "$root/tests/Neighbour/bin/*/net8.0/Neighbour.psd1" | Sort-Object LastWriteTime | Select-Object -Last 1
    $modules = Join-Path $TestDrive 'modules'
    $null = New-Item $modules -ItemType Directory
    Copy-Item $built.DirectoryName "$modules/Neighbour" -Recurse
}

Describe 'A neighbour with other versions of SQLite and System.Text.Json' {
    It 'is imported <Order>' -ForEach $orders {
        $shell = [guid]::NewGuid().ToString('N')
        $results = Invoke-PrivateShell -Folder "$TestDrive/$shell" -ModulePath $modules, (Join-Path $root 'out') @"
            function Make-Video {
                `$null = Connect-KlingAccount -Sandbox
                `$null = New-KlingVideoTask '$images/boat.webp' 'beside others' | Wait-KlingVideoTask -PollingInterval 0.2 | Save-KlingVideo -Destination "`$HOME/videos/`$(New-Guid)"
                (Get-KlingVideoTask -State Succeeded).SavedPath.ForEach{ Split-Path `$_ -Leaf } | Select-Object -Last 1
            }
            `$results = @($($Steps -join '; '))
            `$contexts = [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { `$_.GetName().Name -eq 'Microsoft.Data.Sqlite' } |
                ForEach-Object { "`$(`$_.GetName().Version) in `$([Runtime.Loader.AssemblyLoadContext]::GetLoadContext(`$_).Name)" }
            @{ Rows = @(`$results.Rows); Sqlite = @(`$results.Sqlite); Raw = @(`$results.Raw); Videos = `$videos; Contexts = @(`$contexts | Sort-Object); Errors = @(`$Error | ForEach-Object ToString) } | ConvertTo-Json
"@ | ConvertFrom-Json -AsHashtable

        $results.Errors | Should -BeNullOrEmpty
        $results.Videos | Should -Be 'boat.mp4'
        $results.Rows | Should -Be (1..$results.Rows.Count)
        $results.Sqlite | Should -Be (@('6.0.7.0') * $results.Rows.Count)
        $results.Raw | Should -BeLike '2.0.6.*'
        $results.Contexts | Should -HaveCount 2
        $results.Contexts[0] | Should -Be '6.0.7.0 in Default'
        $results.Contexts[1] | Should -BeLike '* in KlingPS.Dependencies'
    }
}
