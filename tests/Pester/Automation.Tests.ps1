# The recipes of about_KlingPS_Automation, taken from the page as they stand and run as a scheduler runs them.

BeforeDiscovery {
    $noStore = if ($IsWindows) {
        ' (skipped: on Windows the store cannot be moved away from the user''s own)'
    }
    elseif ('Microsoft.PowerShell.SecretManagement', 'Microsoft.PowerShell.SecretStore' | Where-Object { -not (Get-Module $_ -ListAvailable) }) {
        ' (skipped: Microsoft.PowerShell.SecretManagement and Microsoft.PowerShell.SecretStore are not both installed)'
    }
}

Describe 'The recipes for automation' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"
        Import-Module $module -Force
        $page = Get-Content "$root/docs/en-US/about_KlingPS_Automation.md" -Raw

        # Each script names its file in its first line.
        $scripts = @{}
        foreach ($block in [regex]::Matches($page, '(?ms)^```powershell\r?\n(# (\S+)\r?\n.*?)^```')) {
            $scripts[$block.Groups[2].Value] = $block.Groups[1].Value
        }

        function Start-Service([double] $GenerationTime = 0.3) {
            $script:sandbox = Start-KlingSandbox -GenerationTime $GenerationTime -Force
            $script:key = [Net.NetworkCredential]::new('', $sandbox.ApiKey).Password
            $script:place = Join-Path $TestDrive ([guid]::NewGuid().ToString('N'))
            $null = New-Item $place, "$place/images" -ItemType Directory
            Copy-Item "$root/samples/images/*" "$place/images"
            'The boat sails away.' | Set-Content "$place/images/boat.txt"
            foreach ($name in $scripts.Keys) { Set-Content "$place/$name" $scripts[$name] }
            $script:service = @{ KLINGPS_ENDPOINT = "$($sandbox.Endpoint)"; KLINGPS_UPLOAD_ENDPOINT = "$($sandbox.UploadEndpoint)" }
            $script:withKey = $service + @{ KIE_API_KEY = $key }
            $script:run = "-Source '$place/images' -Destination '$place/videos' -Ledger '$place/own.db'"
        }

        # As an Automation account serves its credential assets.
        function Get-Asset([string] $Key) {
            "function Get-AutomationPSCredential([string] `$Name) { if (`$Name -eq 'KlingApiKey') { [pscredential]::new('kie.ai', (ConvertTo-SecureString '$Key' -AsPlainText -Force)) } }"
        }
    }

    BeforeEach {
        Start-Service
    }

    AfterAll {
        Stop-KlingSandbox
        Remove-Module KlingPS
    }

    It 'are all on the page, and the workflow and the crontab start the script that is there' {
        $scripts.Keys | Sort-Object | Should -Be 'nightly.ps1', 'runbook.ps1', 'setup-cron.ps1'
        $page | Should -Match 'run: \./nightly\.ps1 -Source \S+ -Destination \S+ -Ledger \S+'
        $page | Should -Match '-NonInteractive -File /srv/kling/nightly\.ps1'
        [regex]::Matches($page, '(?m)^```powershell').Count | Should -Be ($scripts.Count + 2) -Because 'two more are pieces of them'
    }

    It 'make videos, and when they run again nothing' {
        $first = Invoke-Job -Place $place -Environment $withKey "& '$place/nightly.ps1' $run; exit `$LASTEXITCODE"
        $first.Errors | Should -BeNullOrEmpty
        $first.ExitCode | Should -Be 0
        ($first.Lines -like 'video: *').Count | Should -Be 3
        $first.Output | Should -Match 'environment variable KIE_API_KEY'
        $first.Output | Should -Match 'summary: .*3'
        (Get-KlingSandbox).Tasks.Request -like '*The boat sails away.*' | Should -HaveCount 1

        $again = Invoke-Job -Place $place -Environment $withKey "& '$place/nightly.ps1' $run; exit `$LASTEXITCODE"
        $again.ExitCode | Should -Be 0
        (Get-KlingSandbox).CreatesReceived | Should -Be 3
        "$place/own.db" | Should -Exist
    }

    It 'say with exit code 1 that an image has no video, and with a later run that it has' {
        $sandbox.AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = 'try again' })
        $job = Invoke-Job -Place $place -Environment $withKey "& '$place/nightly.ps1' $run; exit `$LASTEXITCODE"
        $job.ExitCode | Should -Be 1
        ($job.Lines -like 'video: *').Count | Should -Be 2
        $job.Errors | Should -Match 'try again'

        (Invoke-Job -Place $place -Environment $withKey "& '$place/nightly.ps1' $run; exit `$LASTEXITCODE").ExitCode | Should -Be 0
        (Get-ChildItem "$place/videos/*.mp4").Count | Should -Be 3
    }

    It 'list what is to be settled by a person, and never buy it again' {
        $sandbox.AddFault(@{ On = 'Create'; Kind = 'LoseAnswerAfter' })
        $job = Invoke-Job -Place $place -Environment $withKey "& '$place/nightly.ps1' $run; exit `$LASTEXITCODE"
        $job.ExitCode | Should -Be 1
        ($job.Lines -like 'to resolve: task *').Count | Should -Be 1

        (Invoke-Job -Place $place -Environment $withKey "& '$place/nightly.ps1' $run; exit `$LASTEXITCODE").ExitCode | Should -Be 1
        (Get-KlingSandbox).CreatesReceived | Should -Be 3
    }

    It 'say with exit code 2 that they could not go on: <_>' -ForEach 'no key', 'a wrong key', 'no ledger', 'no images' {
        $case = switch ($_) {
            'no key' { $service, $run, 'KlingApiKeyMissing' }
            'a wrong key' { ($service + @{ KIE_API_KEY = 'another-key' }), $run, 'KlingUnauthorized' }
            'no ledger' { $withKey, $run.Replace('own.db', ''), 'KlingLedgerUnusable' }
            'no images' { $withKey, $run.Replace('/images', '/none'), 'PathNotFound' }
        }
        $job = Invoke-Job -Place $place -Environment $case[0] -WithoutVaultModules "& '$place/nightly.ps1' $($case[1]); exit `$LASTEXITCODE"
        $job.ExitCode | Should -Be 2
        $job.Output | Should -Match "ended: $($case[2])"
        (Get-KlingSandbox).CreatesReceived | Should -Be 0
    }

    It 'say so in a night without images, and that is no failure: <_>' -ForEach 'nightly.ps1', 'runbook.ps1' {
        Remove-Item "$place/images/*"
        'no image' | Set-Content "$place/images/notes.txt"
        $job = Invoke-Job -Place $place -Environment $withKey "$(Get-Asset $key); & '$place/$_' $run; 'CODE ' + [int]`$LASTEXITCODE; Get-KlingAccount | ForEach-Object { `$_.KeySource }"
        $job.Errors | Should -BeNullOrEmpty
        $job.Output | Should -Match 'no images: there are none in'
        $job.Lines[-2..-1] | Should -Be 'CODE 0', 'environment variable KIE_API_KEY'
        (Get-KlingSandbox).CreatesReceived | Should -Be 0
    }

    It 'go on where a host was recycled, and pay once' {
        # The service says nothing of its tasks until the host is gone, so no video can be there by then.
        $sandbox.AddFault(@{ On = 'Query'; Kind = 'Code'; Code = 455; Message = 'maintenance'; Count = 0 })
        $killed = Start-JobShell -Place $place -Environment $withKey "& '$place/nightly.ps1' $run"

        # An answer that is not in the ledger yet would be one that was lost, and that is another test.
        $env:KLINGPS_LEDGER = "$place/own.db"
        $null = $sandbox | Connect-KlingAccount -SkipVerification
        $limit = [datetime]::UtcNow.AddSeconds(60)
        while (@(Get-KlingVideoTask).Where{ $_.TaskId }.Count -lt 3 -and [datetime]::UtcNow -lt $limit) { Start-Sleep -Milliseconds 50 }
        $env:KLINGPS_LEDGER = $null
        $killed.Process.Kill()
        $null = Wait-Shell $killed
        $sandbox.ClearFaults()
        "$place/videos/*.mp4" | Should -Not -Exist

        $job = Invoke-Job -Place $place -Environment $withKey "& '$place/nightly.ps1' $run; exit `$LASTEXITCODE"
        $job.ExitCode | Should -Be 0
        (Get-ChildItem "$place/videos/*.mp4").Count | Should -Be 3
        (Get-KlingSandbox).TasksPerImage.Values | Should -Be 1, 1, 1
    }

    It 'run in an Automation account' {
        $job = Invoke-Job -Place $place -Environment $service "$(Get-Asset $key); & '$place/runbook.ps1' $run"
        $job.Errors | Should -BeNullOrEmpty
        $job.ExitCode | Should -Be 0
        ($job.Lines -like 'video: *').Count | Should -Be 3
        $job.Output | Should -Not -Match $key
    }

    It 'fail the job in an Automation account when an image has no video or the key is wrong' {
        $sandbox.AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = 'try again' })
        $job = Invoke-Job -Place $place -Environment $service "$(Get-Asset $key); try { & '$place/runbook.ps1' $run } finally { try { `$null = Get-KlingAccount } catch { 'AFTER it: nothing is connected' } }"
        $job.ExitCode | Should -Be 1
        $job.Errors | Should -Match '1 images have no video yet'
        $job.Lines[-1] | Should -Be 'AFTER it: nothing is connected'
        ($job.Lines -like 'video: *').Count | Should -Be 2

        (Invoke-Job -Place $place -Environment $service "$(Get-Asset 'another-key'); & '$place/runbook.ps1' $run").ExitCode | Should -Be 1
    }

    It "run under cron with a key from a store of its own$noStore" -Skip:([bool]$noStore) {
        # Nothing is installed here; and who sets it up would type the key.
        $setup = "function Install-PSResource { }; `$PSDefaultParameterValues['Set-KlingApiKey:ApiKey'] = ConvertTo-SecureString '$key' -AsPlainText -Force; & '$place/setup-cron.ps1'"
        (Invoke-Job -Place $place -Environment $service $setup).Errors | Should -BeNullOrEmpty

        $job = Invoke-Job -Place $place -Environment $service "& '$place/nightly.ps1' $run; exit `$LASTEXITCODE"
        $job.Errors | Should -BeNullOrEmpty
        $job.ExitCode | Should -Be 0
        $job.Output | Should -Match 'secret KlingApiKey'
        ($job.Lines -like 'video: *').Count | Should -Be 3
    }
}
