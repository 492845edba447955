# ConvertTo-KlingVideo as users meet it: the staged module in the real shell, against the sandbox, with a place of its own for each test.

BeforeDiscovery {
    $allPowerful = if ($IsWindows -or (id -u) -eq 0) { ' (skipped: no folder is read-only for this user)' }
}

Describe 'ConvertTo-KlingVideo' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"
        $kept = @{}
        foreach ($name in 'KLINGPS_LEDGER', 'KLINGPS_CONFIG', 'KLINGPS_ENDPOINT', 'KLINGPS_UPLOAD_ENDPOINT', 'KIE_API_KEY') {
            $kept[$name] = [Environment]::GetEnvironmentVariable($name)
            [Environment]::SetEnvironmentVariable($name, $null)
        }

        Import-Module $module -Force
        $bytes = [IO.File]::ReadAllBytes("$root/samples/images/lighthouse.png")

        # Images of the same look and different content.
        function New-Image([string[]] $Name) {
            foreach ($one in $Name) {
                $null = New-Item (Split-Path "$place/images/$one") -ItemType Directory -Force
                [IO.File]::WriteAllBytes("$place/images/$one", $bytes + [byte[]] [guid]::NewGuid().ToByteArray())
            }
        }

        function Start-Service([double] $GenerationTime = 0.05, [decimal] $Credits = 10000) {
            $script:sandbox = Start-KlingSandbox -GenerationTime $GenerationTime -Credits $Credits -Force
            $null = $sandbox | Connect-KlingAccount
        }

        function Get-Bill { Get-KlingSandbox }

        # What is common to most runs; the summary goes to $script:said, errors to $script:failed.
        function Convert-Images([hashtable] $With = @{}) {
            $all = @{ Prompt = 'it moves'; Destination = "$place/videos"; PollingInterval = 0.1 }
            foreach ($name in $With.Keys) { $all[$name] = $With[$name] }
            $failures = @()
            $summary = @()
            Get-ChildItem "$place/images" -File -Recurse -Include *.png | Sort-Object FullName |
                ConvertTo-KlingVideo @all -InformationVariable summary -ErrorVariable failures -ErrorAction SilentlyContinue 6> $null
            $script:said = "$summary"
            $script:failed = $failures
        }
    }

    BeforeEach {
        $place = Join-Path $TestDrive ([guid]::NewGuid().ToString('N'))
        $null = New-Item $place, "$place/images" -ItemType Directory
        $env:KLINGPS_LEDGER = "$place/ledger.db"
        $env:KLINGPS_CONFIG = "$place/config.json"
        Start-Service
    }

    AfterAll {
        Stop-KlingSandbox
        Disconnect-KlingAccount
        foreach ($name in $kept.Keys) { [Environment]::SetEnvironmentVariable($name, $kept[$name]) }
        Remove-Module KlingPS
    }

    It 'carries out in another shell exactly what a plan says, in the order of the input, and once' {
        New-Image (0..4 | ForEach-Object { "$_.png" })
        $plan = "$place/plan.json"
        $requests = (Get-Bill).Requests.Count
        Convert-Images @{ MaxCredits = 126; PlanPath = $plan }
        (Get-Bill).Requests.Count | Should -Be $requests
        Get-Content $plan -Raw | Test-Json -SchemaFile (Join-Path (Get-Module KlingPS).ModuleBase 'KlingPS.Plan.schema.json') | Should -BeTrue
        (Get-Content $plan -Raw | ConvertFrom-Json).items.result | Should -Be 'Made', 'Made', 'Made', 'OverLimit', 'OverLimit'

        New-Image '5.png'
        [IO.File]::WriteAllBytes("$place/images/1.png", $bytes + [byte[]] 1)
        $script = "Import-Module '$module'; ConvertTo-KlingVideo -Plan '$plan' -PollingInterval 0.1 -ErrorAction SilentlyContinue -ErrorVariable failures | ForEach-Object Name | Sort-Object; `$failures.ForEach{ `"`$_`" }"
        $other = Wait-Shell (Start-Shell @('-NoProfile', '-Command', $script) @{
                KLINGPS_ENDPOINT = $sandbox.Endpoint; KLINGPS_UPLOAD_ENDPOINT = $sandbox.UploadEndpoint
                KIE_API_KEY = [Net.NetworkCredential]::new('', $sandbox.ApiKey).Password
            })

        $other.Output | Should -BeLike '*0.mp4*2.mp4*'
        $other.Output | Should -BeLike "*1.png' has other content than when the plan was made*"
        (Get-ChildItem "$place/videos").Name | Should -Be '0.mp4', '2.mp4'
        (Get-Bill).CreatesAccepted | Should -Be 2
        { ConvertTo-KlingVideo -Plan $plan } | Should -Throw '*a plan is used once*' -ErrorId 'KlingPlanUnusable*'
    }

    Context 'run again' {
        It 'does only what is missing: not for what is there, renamed, moved or deleted is anything paid twice' {
            New-Image a.png, b.png, c.png
            $files = @(Convert-Images)
            $files | Should -HaveCount 3
            $files | Should -BeOfType IO.FileInfo
            $files.TaskId | Should -Not -BeNullOrEmpty
            $files.SourcePath | Sort-Object | Should -Be (Get-ChildItem "$place/images").FullName
            $said | Should -Be '3 made, 0 reused, 0 failed, 0 unknown; 126 credits spent.'
            (Get-Bill).CreatesReceived | Should -Be 3

            # The same again sends nothing at all.
            $requests = (Get-Bill).Requests.Count
            @(Convert-Images) | Should -HaveCount 3
            $said | Should -Be '0 made, 3 reused, 0 failed, 0 unknown; 0 credits spent.'
            (Get-Bill).Requests.Count | Should -Be $requests

            # Another name for the same content, and another folder.
            Rename-Item "$place/images/a.png" z.png
            $null = New-Item "$place/images/deep" -ItemType Directory
            Move-Item "$place/images/b.png" "$place/images/deep/b.png"
            (Convert-Images).Name | Sort-Object | Should -Be 'b.mp4', 'c.mp4', 'z.mp4'
            $said | Should -Match '^0 made, 3 reused'
            (Get-Bill).Requests.Count | Should -Be $requests

            # A video that is gone is downloaded again. (Of a.mp4 there is the copy that was made for z.mp4.)
            $hash = (Get-FileHash "$place/videos/c.mp4").Hash
            Remove-Item "$place/videos/c.mp4"
            @(Convert-Images) | Should -HaveCount 3
            (Get-FileHash "$place/videos/c.mp4").Hash | Should -Be $hash
            (Get-Bill).CreatesReceived | Should -Be 3
            (Get-Bill).Downloads | Should -Be 4
            Get-ChildItem "$place/videos" -Force -Filter *.partial* | Should -BeNullOrEmpty
        }

        It 'goes on where -MaxTasks ended the last run' {
            New-Image a.png, b.png, c.png
            @(Convert-Images @{ MaxTasks = 2 }) | Should -HaveCount 2
            $said | Should -Be '2 made, 0 reused, 1 over the limit, 0 failed, 0 unknown; 84 credits spent.'
            $failed.FullyQualifiedErrorId | Should -Be 'KlingBudgetExceeded,KlingPS.Commands.ConvertToKlingVideoCommand'

            @(Convert-Images @{ MaxTasks = 2 }) | Should -HaveCount 3
            $said | Should -Be '1 made, 2 reused, 0 failed, 0 unknown; 42 credits spent.'
            (Get-Bill).CreatesAccepted | Should -Be 3
        }

        It 'goes on where the credits ran out, and has what was paid for' {
            Start-Service -Credits 100
            New-Image a.png, b.png, c.png, d.png
            { Get-ChildItem "$place/images" | ConvertTo-KlingVideo -Prompt 'it moves' -Destination "$place/videos" -PollingInterval 0.1 -ErrorAction SilentlyContinue 6> $null } |
                Should -Throw -ErrorId 'KlingCreditsInsufficient,KlingPS.Commands.ConvertToKlingVideoCommand' -ExpectedMessage '*2 images have no video yet*'
            (Get-ChildItem "$place/videos/*.mp4").Count | Should -Be 2
            (Get-Bill).CreatesAccepted | Should -Be 2

            $sandbox.SetCredits(200)
            @(Convert-Images) | Should -HaveCount 4
            $said | Should -Match '^2 made, 2 reused'
            (Get-Bill).TasksPerImage.Values | Should -Be 1, 1, 1, 1
        }

        It 'after kill -9 in the middle buys nothing a second time' {
            New-Image (1..6 | ForEach-Object { "$_.png" })
            Start-Service -GenerationTime 1
            $key = [Net.NetworkCredential]::new('', $sandbox.ApiKey).Password
            $start = [Diagnostics.ProcessStartInfo]::new($powerShell, [string[]] ($powerShellArguments + '-NoProfile', '-NonInteractive', '-Command',
                    "Import-Module '$module'; Get-ChildItem '$place/images' | ConvertTo-KlingVideo -Prompt 'it moves' -Destination '$place/videos' -ThrottleLimit 4 -PollingInterval 0.1"))
            $start.Environment['KIE_API_KEY'] = $key
            $start.Environment['KLINGPS_ENDPOINT'] = "$($sandbox.Endpoint)"
            $start.Environment['KLINGPS_UPLOAD_ENDPOINT'] = "$($sandbox.UploadEndpoint)"
            $start.RedirectStandardOutput = $start.RedirectStandardError = $true
            $child = [Diagnostics.Process]::Start($start)
            $limit = [datetime]::UtcNow.AddSeconds(60)

            # The first four are bought and recorded, and two images wait for one of them to end.
            while (@(Get-KlingVideoTask).Where{ $_.TaskId }.Count -lt 4 -and [datetime]::UtcNow -lt $limit) { Start-Sleep -Milliseconds 20 }
            $child.Kill()
            $child.WaitForExit()

            $files = @(Convert-Images)
            $unknown = @(Get-KlingVideoTask -State Unknown)
            $files.Count + $unknown.Count | Should -Be 6
            (Get-Bill).CreatesAccepted | Should -Be 6
            (Get-Bill).TasksPerImage.Values | Should -Be 1, 1, 1, 1, 1, 1
            Get-ChildItem "$place/videos" -Force -Filter *.partial* | Should -BeNullOrEmpty
        }
    }

    Context 'with names' {
        It 'takes folders and numbers from the template, and gives distinct ones where images are called the same' {
            New-Image one/fox.png, two/fox.png, 'two/owl [1].png'
            (Convert-Images @{ NameTemplate = '{Directory}/{BaseName}-{Index:000}-{Duration}s' }).FullName | Sort-Object | Should -Be @(
                "$place/videos/one/fox-001-5s.mp4", "$place/videos/two/fox-002-5s.mp4", "$place/videos/two/owl [1]-003-5s.mp4" | ForEach-Object { [IO.Path]::GetFullPath($_) })
            (Convert-Images).Name | Sort-Object | Should -Be 'fox-2.mp4', 'fox.mp4', 'owl [1].mp4'
            (Get-Bill).CreatesReceived | Should -Be 3
        }

        It 'never overwrites a file of the user''s without -Force, and says so before anything is bought' {
            New-Image fox.png
            $null = New-Item "$place/videos" -ItemType Directory
            'my holiday' | Set-Content "$place/videos/fox.mp4"
            Convert-Images | Should -BeNullOrEmpty
            $failed[0].FullyQualifiedErrorId | Should -Match '^KlingFileExists,'
            Get-Content "$place/videos/fox.mp4" | Should -Be 'my holiday'
            (Get-Bill).CreatesReceived | Should -Be 0

            @(Convert-Images @{ Force = $true }) | Should -HaveCount 1
            (Get-Item "$place/videos/fox.mp4").Length | Should -BeGreaterThan 100
        }

        It 'never overwrites another task''s video, not even with -Force' {
            New-Image fox.png
            $first = Convert-Images
            $hash = (Get-FileHash $first).Hash
            (Convert-Images @{ Prompt = 'it sleeps'; Force = $true }).Name | Should -Be 'fox-2.mp4'
            (Get-FileHash $first).Hash | Should -Be $hash
        }

        It 'writes a proof with -Sidecar, and leaves a file of the user''s alone' {
            New-Image fox.png, owl.png
            $null = New-Item "$place/videos" -ItemType Directory
            'my notes' | Set-Content "$place/videos/owl.mp4.json"
            @(Convert-Images @{ Sidecar = $true }) | Should -HaveCount 1
            $failed.FullyQualifiedErrorId | Should -Be 'KlingFileExists,KlingPS.Commands.ConvertToKlingVideoCommand'
            Get-Content "$place/videos/owl.mp4.json" | Should -Be 'my notes'
            $proof = Get-Content "$place/videos/fox.mp4.json" -Raw | ConvertFrom-Json
            $proof.source.sha256 | Should -Be (Get-FileHash "$place/images/fox.png").Hash
            $proof.video.sha256 | Should -Be (Get-FileHash "$place/videos/fox.mp4").Hash
        }
    }

    It 'says once what is paid for, with the command that gets it, when Select-Object has enough' {
        Start-Service -GenerationTime 1
        (Get-KlingSandbox).AddFault(@{ On = 'Generate'; Kind = 'Delay'; Delay = [timespan]::FromSeconds(5); Skip = 1; Count = 2 })
        New-Image a.png, b.png, c.png
        $destination = "$place/it's [1]"

        $said = & {
            Get-ChildItem "$place/images" -Filter *.png |
                ConvertTo-KlingVideo -Prompt 'it moves' -Destination $destination -PollingInterval 0.1 | Select-Object -First 1
        } 3>&1

        # On a slow machine the others may not have been bought when the first is there; then there is nothing to say.
        $warnings = @($said | Where-Object { $_ -is [System.Management.Automation.WarningRecord] })
        $open = @(Get-KlingVideoTask | Where-Object { $_.State -ne 'Rejected' -and -not $_.SavedPath })
        $warnings | Should -HaveCount ([Math]::Min(1, $open.Count))
        foreach ($resume in [regex]::Matches("$warnings", 'Get-KlingVideoTask -Id .*$').Value) {
            $rest = @(& ([scriptblock]::Create($resume)))
            $rest | Should -Not -BeNullOrEmpty
            $rest.DirectoryName | Select-Object -Unique | Should -BeExactly (Convert-Path -LiteralPath $destination)
        }
    }

    It 'takes prompts from the text beside the image, and else the one that was given' {
        New-Image a.png, b.png, c.png
        'a flies' | Set-Content "$place/images/a.png.txt"
        'b swims' | Set-Content "$place/images/b.txt"
        @(Convert-Images @{ PromptFromSidecar = $true }) | Should -HaveCount 3
        (Get-KlingVideoTask).Prompt | Sort-Object | Should -Be 'a flies', 'b swims', 'it moves'
    }

    It 'with -WhatIf tells the plan and the limits, and sends and spends nothing' {
        New-Image a.png, b.png, c.png
        @{ DailyCreditCap = 100 } | ConvertTo-Json | Set-Content "$place/config.json"
        Start-Service
        Convert-Images @{ WhatIf = $true } | Should -BeNullOrEmpty
        $said | Should -Be 'Plan: buy 2 for 84 credits, wait for 0, download 0, leave 0 as they are, leave out 1 over the limit, 0 failed. Nothing was sent.'
        $null = Convert-Images @{ WhatIf = $true; MaxTasks = 1 }
        $said | Should -Match '^Plan: buy 1 for 42 credits, .*leave out 2 over the limit'
        (Get-Bill).Requests.Count | Should -BeLessOrEqual 1
        Get-KlingVideoTask | Should -BeNullOrEmpty
        "$place/videos" | Should -Not -Exist
    }

    Context 'with bad input' {
        It 'says what is wrong and sends nothing: <Name>' -ForEach @(
            @{ Name = 'nothing in the pipeline'; Id = 'PathNotFound'; Do = { @() | ConvertTo-KlingVideo -Prompt x -Destination "$place/videos" } }
            @{ Name = 'no match'; Id = 'PathNotFound'; Do = { ConvertTo-KlingVideo "$place/images/*.gif" -Prompt x -Destination "$place/videos" } }
            @{ Name = 'no such file'; Id = 'PathNotFound'; Do = { ConvertTo-KlingVideo "$place/images/none.png" -Prompt x -Destination "$place/videos" } }
            @{ Name = 'a folder'; Id = 'KlingImageUnsupported'; Do = { ConvertTo-KlingVideo "$place/images" -Prompt x -Destination "$place/videos" } }
            @{ Name = 'no image'; Id = 'KlingImageUnsupported'; Do = { 'text' | Set-Content "$place/images/text.png"; ConvertTo-KlingVideo "$place/images/text.png" -Prompt x -Destination "$place/videos" } }
            @{ Name = 'no prompt'; Id = 'KlingRequestInvalid'; Do = { ConvertTo-KlingVideo "$place/images/a.png" -Destination "$place/videos" } }
            @{ Name = 'no text beside the image'; Id = 'KlingRequestInvalid'; Do = { ConvertTo-KlingVideo "$place/images/a.png" -PromptFromSidecar -Destination "$place/videos" } }
            @{ Name = 'a text that is too long'; Id = 'KlingRequestInvalid'; Do = { 'x' * 2501 | Set-Content "$place/images/a.txt"; ConvertTo-KlingVideo "$place/images/a.png" -PromptFromSidecar -Destination "$place/videos" } }
            @{ Name = 'an unknown token'; Id = 'KlingRequestInvalid'; Do = { ConvertTo-KlingVideo "$place/images/a.png" -Prompt x -NameTemplate '{Base}' -Destination "$place/videos" } }
            @{ Name = 'a template that escapes'; Id = 'KlingRequestInvalid'; Do = { ConvertTo-KlingVideo "$place/images/a.png" -Prompt x -NameTemplate '../{BaseName}' -Destination "$place/videos" } }
            @{ Name = 'a template with a drive'; Id = 'KlingRequestInvalid'; Do = { ConvertTo-KlingVideo "$place/images/a.png" -Prompt x -NameTemplate '/{BaseName}' -Destination "$place/videos" } }
            @{ Name = 'a file for a destination'; Id = 'KlingDestinationUnusable'; Do = { ConvertTo-KlingVideo "$place/images/a.png" -Prompt x -Destination "$place/images/a.png" } }
            @{ Name = 'a file on the way to the destination'; Id = 'KlingDestinationUnusable'; Do = { ConvertTo-KlingVideo "$place/images/a.png" -Prompt x -Destination "$place/images/a.png/videos" } }
        ) {
            New-Image a.png
            $caught = try { & $Do 2>&1 6> $null | Where-Object { $_ -is [Management.Automation.ErrorRecord] } } catch { $_ }
            @($caught)[0].FullyQualifiedErrorId | Should -Match "^(Kling)?$Id,"
            @($caught)[0].Exception.Message | Should -Not -BeNullOrEmpty
            @($caught)[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
            (Get-Bill).CreatesReceived | Should -Be 0
            (Get-Bill).Uploads | Should -Be 0
        }

        It "says that the destination cannot be written, before anything is bought$allPowerful" -Skip:([bool]$allPowerful) {
            New-Image a.png
            $null = New-Item "$place/locked" -ItemType Directory
            chmod 500 "$place/locked"
            { ConvertTo-KlingVideo "$place/images/a.png" -Prompt x -Destination "$place/locked" -ErrorAction Stop } | Should -Throw -ErrorId 'KlingDestinationUnusable,*'
            (Get-Bill).CreatesReceived | Should -Be 0
        }

        It 'converts the rest' {
            New-Image a.png, c.png
            'text' | Set-Content "$place/images/b.png"
            @(Convert-Images) | Should -HaveCount 2
            $failed | Should -HaveCount 1
            $failed[0].TargetObject | Should -Match 'b\.png$'
            $said | Should -Match '^2 made, 0 reused, 1 refused, 0 failed'
        }
    }
}
