# What only a real shell shows. Takes the staged module, as users get it.

BeforeDiscovery {
    $manifest = Import-PowerShellDataFile "$PSScriptRoot/../../KlingPS.psd1"
    $cmdlets = $manifest.CmdletsToExport
}

BeforeAll {
    . "$PSScriptRoot/Shells.ps1"

    # The tests neither see the user's key nor a service other than the sandbox.
    $variables = 'KIE_API_KEY', 'KLINGPS_ENDPOINT', 'KLINGPS_UPLOAD_ENDPOINT'
    $kept = @{}
    foreach ($variable in $variables) {
        $kept[$variable] = [Environment]::GetEnvironmentVariable($variable)
        [Environment]::SetEnvironmentVariable($variable, $null)
    }

    # They keep a ledger of their own. TestDrive would lose it after each block.
    $ledgerFolder = [IO.Directory]::CreateTempSubdirectory('klingps-ledger-').FullName
    $kept['KLINGPS_LEDGER'] = $env:KLINGPS_LEDGER
    $kept['KLINGPS_CONFIG'] = $env:KLINGPS_CONFIG
    $env:KLINGPS_LEDGER = Join-Path $ledgerFolder 'ledger.db'
    $env:KLINGPS_CONFIG = Join-Path $ledgerFolder 'config.json'

    # Runs a script in a shell of its own, with the folder of the staged module in front of the module path.
    function Invoke-CleanShell([string] $Script) {
        $path = Join-Path $root 'out'
        & $powerShell @powerShellArguments -NoProfile -NonInteractive -Command "`$env:PSModulePath = '$path' + [IO.Path]::PathSeparator + `$env:PSModulePath; $Script" 2>&1
    }

    Import-Module $module -Force
}

AfterAll {
    Remove-Module KlingPS -ErrorAction Ignore
    foreach ($variable in $kept.Keys) {
        [Environment]::SetEnvironmentVariable($variable, $kept[$variable])
    }

    # Where the shell still holds the file open, the system's own cleaning takes it.
    Remove-Item $ledgerFolder -Recurse -Force -ErrorAction Ignore
}

Describe 'The staged module' {
    It 'has a clean manifest' {
        $found = Test-ModuleManifest $module -WarningVariable warnings
        $found.Version | Should -Be $version
        $warnings | Should -BeNullOrEmpty
    }

    It 'imports in a clean process without a word' {
        Invoke-CleanShell "Import-Module '$module'" | Should -BeNullOrEmpty
    }

    It 'is loaded by the first use of a cmdlet' {
        Invoke-CleanShell "(Measure-KlingVideoCost '$images/boat.webp').Credits" | Should -Be '42'
    }

    It 'exports <_>, with help' -ForEach $cmdlets {
        $command = Get-Command $_ -Module KlingPS
        $command.CommandType | Should -Be 'Cmdlet'
        $help = Get-Help $_
        $help.Synopsis | Should -Not -BeLike "*$_ *``[*" -Because 'that is the syntax, which PowerShell shows where there is no help'
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
    }

    It 'explains itself' {
        Get-Help about_KlingPS | Out-String | Should -Match 'KIE_API_KEY'
    }

    It 'forgets the key when it is removed' {
        Invoke-CleanShell "Import-Module KlingPS; `$null = Connect-KlingAccount -Sandbox; Remove-Module KlingPS; Import-Module KlingPS; try { Get-KlingAccount } catch { `$_.FullyQualifiedErrorId }" |
            Should -BeLike 'KlingApiKeyMissing*'
    }
}

Describe 'Images become videos' {
    BeforeAll {
        $null = Start-KlingSandbox -GenerationTime 0.5 -Force
        $null = Get-KlingSandbox | Connect-KlingAccount
    }

    AfterAll {
        Disconnect-KlingAccount
    }

    It 'from Get-ChildItem to a folder of videos' {
        $videos = Get-ChildItem $images |
            New-KlingVideoTask -Prompt 'a slow dolly in' |
            Wait-KlingVideoTask |
            Save-KlingVideo -Destination $TestDrive/videos
        $videos | Should -HaveCount 3
        $videos | Should -BeOfType System.IO.FileInfo
        ($videos.Name | Sort-Object) | Should -Be 'boat.mp4', 'lighthouse.mp4', 'sunrise.mp4'
        ($videos.SourcePath | Split-Path -Leaf | Sort-Object) | Should -Be 'boat.webp', 'lighthouse.png', 'sunrise.jpg'
        (Get-KlingSandbox).TasksPerImage.Values | Should -Be 1, 1, 1
    }

    It 'from a CSV file, with blank cells' {
        @'
Path,Prompt,Duration,NegativePrompt,CfgScale,TailImagePath
boat.webp,the boat sails away,10,,,
lighthouse.png,the light turns,,blur,0.7,boat.webp
'@ | Set-Content "$TestDrive/shots.csv"
        Push-Location $images
        try {
            $tasks = Import-Csv "$TestDrive/shots.csv" | New-KlingVideoTask
        }
        finally {
            Pop-Location
        }

        $tasks.Duration | Should -Be 10, 5
        $requests = (Get-KlingSandbox).Tasks | Where-Object TaskId -In $tasks.TaskId | ForEach-Object { $_.Request | ConvertFrom-Json -AsHashtable }
        $first = ($requests | Where-Object { $_.input.prompt -eq 'the boat sails away' }).input
        $first.duration | Should -BeExactly '10'
        $first.Keys | Should -Not -Contain 'negative_prompt'
        $first.Keys | Should -Not -Contain 'tail_image_url'
        $second = ($requests | Where-Object { $_.input.prompt -eq 'the light turns' }).input
        $second.negative_prompt | Should -Be 'blur'
        $second.cfg_scale | Should -Be 0.7
        $second.tail_image_url | Should -BeLike 'http*.webp'
    }

    It 'from tasks that went through Clixml, and from bare ids' {
        $tasks = New-KlingVideoTask -Path "$images/*" -Prompt 'kept in a file'
        $tasks | Export-Clixml "$TestDrive/tasks.xml"
        (Import-Clixml "$TestDrive/tasks.xml" | Wait-KlingVideoTask).TaskId | Sort-Object | Should -Be ($tasks.TaskId | Sort-Object)
        ($tasks.TaskId | Wait-KlingVideoTask).Count | Should -Be 3
        ($tasks | Select-Object Id | Wait-KlingVideoTask).Count | Should -Be 3
    }

    It 'as few as Select-Object lets through, without an error' {
        $Error.Clear()
        Get-ChildItem $images | New-KlingVideoTask -Prompt 'only one' | Select-Object -First 1 | Should -HaveCount 1
        $Error | Should -BeNullOrEmpty
    }

    It 'stops a script at a failed task with -ErrorAction Stop' {
        (Get-KlingSandbox).AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = 'internal error, please try again later' })
        { New-KlingVideoTask "$images/boat.webp" 'will fail' | Wait-KlingVideoTask -ErrorAction Stop } |
            Should -Throw -ErrorId 'KlingTaskFailed,KlingPS.Commands.WaitKlingVideoTaskCommand'
    }

    It 'is not bought with -WhatIf' {
        $before = (Get-KlingSandbox).CreatesReceived
        Get-ChildItem $images | New-KlingVideoTask -Prompt 'not really' -WhatIf
        (Get-KlingSandbox).CreatesReceived | Should -Be $before
    }

    It 'has names with brackets that reach the file they name' {
        Copy-Item "$images/boat.webp" "$TestDrive/plain.webp"
        Copy-Item -LiteralPath "$TestDrive/plain.webp" "$TestDrive/shot [2].webp"
        Test-KlingImage -LiteralPath "$TestDrive/shot [2].webp" | Should -BeTrue
        Get-ChildItem -LiteralPath "$TestDrive/shot [2].webp" | Test-KlingImage | Should -BeTrue
        Test-KlingImage "$TestDrive/shot [2].webp" | Should -BeTrue
    }
}

Describe 'An image from the pipeline' {
    BeforeAll {
        Push-Location $TestDrive
        Copy-Item "$images/lighthouse.png", "$images/boat.webp" .
        Set-Content list.txt 'boat.webp', 'lighthouse.png'
    }

    AfterAll {
        Pop-Location
    }

    It 'is the one that is meant, whatever else comes with <Source>' -ForEach @(
        @{ Source = 'lines of a file'; Script = { Get-Content list.txt } }
        @{ Source = 'files'; Script = { Get-Item boat.webp, lighthouse.png } }
        @{ Source = 'paths'; Script = { (Get-Item boat.webp, lighthouse.png).FullName } }
        @{ Source = 'selected properties'; Script = { Get-Item boat.webp, lighthouse.png | Select-Object FullName, Length } }
        @{ Source = 'resolved paths'; Script = { Resolve-Path boat.webp, lighthouse.png } }
        @{ Source = 'rows that say Path beside the file they come from'; Script = { Get-Item list.txt, list.txt | ForEach-Object { $row = 0 } { $_ | Select-Object *, @{ n = 'Path'; e = { @('boat.webp', 'lighthouse.png')[$row] } }; $row++ } } }
    ) {
        (& $Script | Test-KlingImage -Detailed).Path | Split-Path -Leaf | Should -Be 'boat.webp', 'lighthouse.png'
    }

    It 'that is none is an error for each, and the others are tested' {
        $null, 'boat.webp', '' | Test-KlingImage -ErrorAction SilentlyContinue -ErrorVariable errors | Should -Be $true
        $errors.FullyQualifiedErrorId -like 'KlingRequestInvalid,*' | Should -HaveCount 2
    }
}

Describe 'The ledger' {
    BeforeAll {
        $null = Start-KlingSandbox -GenerationTime 1 -Force
        $null = Get-KlingSandbox | Connect-KlingAccount
        $sandbox = Get-KlingSandbox
        $env:KIE_API_KEY = [Net.NetworkCredential]::new('', $sandbox.ApiKey).Password
        $env:KLINGPS_ENDPOINT = $sandbox.Endpoint
        $env:KLINGPS_UPLOAD_ENDPOINT = $sandbox.UploadEndpoint
    }

    AfterAll {
        Disconnect-KlingAccount
        $env:KIE_API_KEY = $env:KLINGPS_ENDPOINT = $env:KLINGPS_UPLOAD_ENDPOINT = $null
    }

    It 'lets a new shell resume what a closed one left' {
        Invoke-CleanShell "`$null = Get-ChildItem '$images' | New-KlingVideoTask -Prompt 'left behind'" | Should -BeNullOrEmpty
        Invoke-CleanShell "Get-KlingVideoTask -State Waiting, Generating | Wait-KlingVideoTask | Save-KlingVideo -Destination '$TestDrive/resumed' | ForEach-Object Name | Sort-Object" |
            Should -Be 'boat.mp4', 'lighthouse.mp4', 'sunrise.mp4'
        (Get-KlingSandbox).CreatesAccepted | Should -Be 3
    }

    It 'keeps SQLite out of the shell' {
        Get-KlingVideoTask | Should -Not -BeNullOrEmpty
        $contexts = [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object FullName -Match 'SQLite' | ForEach-Object { [Runtime.Loader.AssemblyLoadContext]::GetLoadContext($_) }
        $contexts | Should -Not -BeNullOrEmpty
        $contexts | Should -Not -Contain ([Runtime.Loader.AssemblyLoadContext]::Default)
    }

    It 'is not opened by importing the module or connecting' {
        $other = Join-Path $TestDrive 'untouched' 'ledger.db'
        Invoke-CleanShell "`$env:KLINGPS_LEDGER = '$other'; `$null = Connect-KlingAccount; Test-Path '$other'" | Should -Be 'False'
    }

    It 'lies where the configuration says, and holds its daily cap' {
        $folder = Join-Path $TestDrive 'configured'
        $null = New-Item $folder -ItemType Directory
        @{ LedgerPath = "$folder/ledger.db"; DailyCreditCap = 84 } | ConvertTo-Json | Set-Content "$folder/config.json"
        Invoke-CleanShell "`$env:KLINGPS_LEDGER = `$null; `$env:KLINGPS_CONFIG = '$folder/config.json'; (Get-ChildItem '$images' | New-KlingVideoTask -Prompt 'capped' -ErrorAction SilentlyContinue -ErrorVariable failed).Count; `$failed.FullyQualifiedErrorId" |
            Should -Be '2', 'KlingBudgetExceeded,KlingPS.Commands.NewKlingVideoTaskCommand'
        "$folder/ledger.db" | Should -Exist
    }

    It 'that cannot be used is one error before anything is sent' {
        $before = (Get-KlingSandbox).Uploads
        Invoke-CleanShell "`$env:KLINGPS_LEDGER = '$TestDrive'; try { New-KlingVideoTask '$images/boat.webp' 'never' } catch { `$_.FullyQualifiedErrorId }" |
            Should -BeLike 'KlingLedgerUnusable*'
        (Get-KlingSandbox).Uploads | Should -Be $before
    }
}

Describe 'Views' {
    BeforeAll {
        $null = Start-KlingSandbox -GenerationTime 0.5 -Force
        $null = Get-KlingSandbox | Connect-KlingAccount
        $null = New-KlingVideoTask "$images/boat.webp" 'for the views' | Wait-KlingVideoTask | Save-KlingVideo -Destination $TestDrive/views
    }

    AfterAll {
        Disconnect-KlingAccount
    }

    It 'shows no key in what it prints of the account and the sandbox' {
        $text = Get-KlingAccount | Out-String
        $text | Should -Match 'KeySource'
        Get-KlingSandbox | Out-String | Should -Not -Match 'ApiKey'
    }

    It 'completes models, template tokens and durations' {
        (TabExpansion2 'New-KlingVideoTask -Model v2-5').CompletionMatches.CompletionText | Should -Be 'kling/v2-5-turbo-image-to-video-pro', 'kling/v2-5-turbo-text-to-video-pro'
        (TabExpansion2 "Save-KlingVideo -NameTemplate '{BaseName}-{Ta").CompletionMatches.ListItemText | Should -Contain '{BaseName}-{TaskId}'
        (TabExpansion2 'New-KlingVideoTask -Duration ').CompletionMatches.CompletionText | Sort-Object { [int]$_ } | Should -Be '5', '10'
    }
}
