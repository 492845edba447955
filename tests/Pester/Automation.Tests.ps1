# The recipes of about_KlingPS_Automation, taken from the page as they stand and run as a scheduler runs them.

BeforeDiscovery {
    $noStore = if ($IsWindows) {
        ' (skipped: on Windows the store cannot be moved away from the user''s own)'
    }
    elseif ('Microsoft.PowerShell.SecretManagement', 'Microsoft.PowerShell.SecretStore' | Where-Object { -not (Get-Module $_ -ListAvailable) }) {
        ' (skipped: Microsoft.PowerShell.SecretManagement and Microsoft.PowerShell.SecretStore are not both installed)'
    }
    $noShell = if ($IsWindows) { ' (skipped: Windows has neither /bin/sh nor env)' }
}

Describe 'The recipes for automation' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"
        Import-Module $module -Force
        $page = Get-Content "$root/docs/en-US/about_KlingPS_Automation.md" -Raw
        $before = @{}
        foreach ($name in 'KLINGPS_LEDGER', 'KLINGPS_CONFIG', 'KLINGPS_ENDPOINT', 'KLINGPS_UPLOAD_ENDPOINT', 'KIE_API_KEY') {
            $before[$name] = [Environment]::GetEnvironmentVariable($name)
        }

        # Each recipe names its file in its first line. Those of cron and of the key are lines to be typed, and have a heading.
        $recipes = @{}
        foreach ($block in [regex]::Matches($page, '(?ms)^```(?:powershell|text|yaml)\r?\n(# (\S+)\r?\n.*?)^```')) {
            $recipes[(Split-Path $block.Groups[2].Value -Leaf)] = $block.Groups[1].Value
        }
        $crontab = [regex]::Match($page, '(?ms)^## cron$.*?^```text\r?\n(.*?)^```').Groups[1].Value
        $keyLine = [regex]::Match($page, '(?m)^\(umask 077; .*?\)').Value

        # A folder in the place of /srv/kling, set up by the recipe for it, with three images, and a service that knows nobody else.
        function Start-Night([double] $GenerationTime = 0.3) {
            $script:sandbox = Start-KlingSandbox -GenerationTime $GenerationTime -Force
            $script:key = [Net.NetworkCredential]::new('', $sandbox.ApiKey).Password
            $script:place = Join-Path $TestDrive ([guid]::NewGuid().ToString('N'))
            $null = New-Item $place, "$place/bin" -ItemType Directory
            foreach ($name in $recipes.Keys) { Set-Content "$place/$name" $recipes[$name] }
            $script:service = @{ KLINGPS_LEDGER = $null; KLINGPS_CONFIG = "$place/config.json"; KLINGPS_ENDPOINT = "$($sandbox.Endpoint)"; KLINGPS_UPLOAD_ENDPOINT = "$($sandbox.UploadEndpoint)" }
            $script:withKey = $service + @{ KIE_API_KEY = $key }
            foreach ($name in $withKey.Keys) { [Environment]::SetEnvironmentVariable($name, $withKey[$name]) }
            $script:checks = & "$place/setup.ps1" -Folder $place

            # Where a job gets hardly any environment, the configuration says where the service is.
            $null = Set-KlingConfiguration -Endpoint $sandbox.Endpoint -UploadEndpoint $sandbox.UploadEndpoint -PollingInterval 0.1
            $script:run = "-Source '$place/images'"
        }

        function Add-SampleImage {
            Copy-Item "$root/samples/images/*" "$place/images"
            'The boat sails away.' | Set-Content "$place/images/boat.txt"
        }

        function Invoke-Nightly([string] $Arguments = $run, [hashtable] $Environment = $withKey, [switch] $WithoutVaultModules) {
            Invoke-Job -Place $place -Environment $Environment -WithoutVaultModules:$WithoutVaultModules "& '$place/nightly.ps1' $Arguments; exit `$LASTEXITCODE"
        }

        # The reports of this place, the oldest first.
        function Get-Report { Get-ChildItem "$place/reports/*.json" | Sort-Object LastWriteTimeUtc | Get-Content -Raw | ForEach-Object { $_ | ConvertFrom-Json } }

        # What a shell needs in an environment without anything: the shell, and where the module is.
        function Add-Command([string] $Name, [string] $Script) {
            Set-Content "$place/bin/$Name" "#!/bin/sh`n$Script"
            chmod +x "$place/bin/$Name"
        }

        function Add-PowerShell {
            $all = @($powerShell) + $powerShellArguments | ForEach-Object { "'$_'" }
            Add-Command pwsh "PSModulePath='$root/out:$PSHOME/Modules' exec $all `"`$@`""
            Add-Command logger "echo `"`$@`" >> '$place/syslog'"
        }

        # Runs a line of a shell with these variables and no others, without a terminal, from a folder that is none of its own.
        function Invoke-Bare([string] $Line, [string[]] $Variables) {
            $start = [Diagnostics.ProcessStartInfo]::new('/usr/bin/env', [string[]] (@('-i', "HOME=$place", 'LOGNAME=kling', 'SHELL=/bin/sh', "PATH=$place/bin:/usr/bin:/bin") + $Variables + @('/bin/sh', '-c', $Line)))
            $start.WorkingDirectory = '/'
            $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
            $process = [Diagnostics.Process]::Start($start)
            $process.StandardInput.Close()
            Wait-Shell ([pscustomobject] @{ Process = $process; Output = $process.StandardOutput.ReadToEndAsync(); Errors = $process.StandardError.ReadToEndAsync() })
        }

        function ConvertTo-Place([string] $Text) { $Text.Replace('/srv/kling', $place).Replace('/usr/bin/pwsh', "$place/bin/pwsh") }

        # Runs the job of the crontab as cron does.
        function Invoke-Cron([string] $Arguments) {
            $lines = (ConvertTo-Place $crontab) -split '\r?\n' | Where-Object { $_ }
            $variables = @($lines | Where-Object { $_ -match '^\w+=' }) + "KLINGPS_CONFIG=$place/config.json"
            $job = ($lines | Where-Object { $_ -match '^\d' }) -replace '^(\S+ ){5}'
            Invoke-Bare $job.Replace('nightly.ps1 >>', "nightly.ps1 -Source '$place/images' $Arguments >>") $variables
        }

        # As an Automation account serves its credential assets.
        function Get-Asset([string] $Key) {
            "function Get-AutomationPSCredential([string] `$Name) { [pscredential]::new(`$Name, (ConvertTo-SecureString '$Key' -AsPlainText -Force)) }"
        }
    }

    BeforeEach {
        Start-Night
        Add-SampleImage
    }

    AfterAll {
        Stop-KlingSandbox
        Remove-Module KlingPS
        foreach ($name in $before.Keys) { [Environment]::SetEnvironmentVariable($name, $before[$name]) }
    }

    It 'are all run here' {
        $recipes.Keys | Sort-Object | Should -Be 'archive.ps1', 'compose.yaml', 'cronjob.yaml', 'hosted.yml', 'kling.service', 'kling.timer', 'morning.ps1', 'nightly.ps1', 'nightly.yml', 'runbook.ps1', 'server.ps1', 'setup-task.ps1', 'setup-vault.ps1', 'setup.ps1'

        # Besides, there are the lines for the key and for cron, and a sample of what the script writes.
        [regex]::Matches($page, '(?m)^```\w').Count | Should -Be ($recipes.Count + 3)
    }

    It 'set up what a night needs, and check it' {
        $checks.Status | Should -Not -Contain 'Failed'
        (Get-KlingConfiguration).Ledger | Should -Be "$place/ledger.db"
        (Get-KlingSandbox).CreatesReceived | Should -Be 0
    }

    It 'make videos, and when they run again nothing' {
        $first = Invoke-Nightly
        $first.Errors | Should -BeNullOrEmpty
        $first.ExitCode | Should -Be 0
        $first.Lines -match '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ made .*\.mp4$' | Should -HaveCount 3
        $first.Lines[-1] | Should -Match '^\S+Z ended AllThere \(0\) 3 made, .* Report: .*\.json$'
        (Get-KlingSandbox).Tasks.Request -like '*The boat sails away.*' | Should -HaveCount 1

        $again = Invoke-Nightly
        $again.ExitCode | Should -Be 0
        $again.Lines | Should -HaveCount 1 -Because 'videos that are there are not listed'
        (Get-KlingSandbox).CreatesReceived | Should -Be 3
        "$place/ledger.db" | Should -Exist
        (Get-Report).outcome | Should -Be 'AllThere', 'AllThere'
    }

    It 'say in one line what has failed, and with a later run that it is there' {
        $sandbox.AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = "try`nagain" })
        $job = Invoke-Nightly
        $job.ExitCode | Should -Be 2
        $job.Errors | Should -BeNullOrEmpty
        $job.Lines | Should -HaveCount 4
        $job.Lines -match '^\S+Z error \S+\.(png|jpg|webp) KlingTaskFailed: .*try again' | Should -HaveCount 1

        (Invoke-Nightly).ExitCode | Should -Be 0
        (Get-ChildItem "$place/videos/*.mp4").Count | Should -Be 3
    }

    It 'leave what is to be settled by a person, and never buy it again' {
        $sandbox.AddFault(@{ On = 'Create'; Kind = 'LoseAnswerAfter' })
        $job = Invoke-Nightly
        $job.ExitCode | Should -Be 5
        $job.Lines -match ' KlingAttemptUnknown: ' | Should -HaveCount 1

        (Invoke-Nightly).ExitCode | Should -Be 5
        (Get-KlingSandbox).CreatesReceived | Should -Be 3
        (Get-Report).outcome | Should -Be 'NeedsPerson', 'NeedsPerson'
    }

    It 'say that they could not begin: <Name>' -ForEach @(
        @{ Name = 'no key'; Change = @{ KIE_API_KEY = $null }; Id = 'KlingApiKeyMissing' }
        @{ Name = 'a wrong key'; Change = @{ KIE_API_KEY = 'another-key' }; Id = 'KlingUnauthorized' }
        @{ Name = 'no ledger'; Change = @{ KLINGPS_LEDGER = [IO.Path]::GetTempPath() }; Id = 'KlingLedgerUnusable' }
    ) {
        $environment = $withKey.Clone()
        foreach ($variable in $Change.Keys) { $environment[$variable] = $Change[$variable] }
        $job = Invoke-Nightly -Environment $environment -WithoutVaultModules
        $job.ExitCode | Should -Be 6
        $job.Errors | Should -BeNullOrEmpty
        $job.Lines -match " error .*${Id}: " | Should -HaveCount 1
        $job.Lines[-1] | Should -Match ' ended CouldNotBegin \(6\) '
        $report = Get-Report
        $report.outcome, $report.error.id | Should -Be 'CouldNotBegin', $Id
        (Get-KlingSandbox).CreatesReceived | Should -Be 0
    }

    It 'end with 1 where the script itself fails' {
        $job = Invoke-Nightly "-Source '$place/none'"
        $job.ExitCode | Should -Be 1
        $job.Lines | Should -HaveCount 1
        $job.Lines[0] | Should -Match '^\S+Z error .*none PathNotFound: '
    }

    It 'say so in a night without images, and that is no failure' {
        Remove-Item "$place/images/*"
        'no image' | Set-Content "$place/images/notes.txt"
        $job = Invoke-Job -Place $place -Environment $withKey "$(Get-Asset $key); & '$place/runbook.ps1' -Folder '$place'; 'CODE ' + [int]`$LASTEXITCODE; Get-KlingAccount | ForEach-Object { `$_.KeySource }"
        $job.Errors | Should -BeNullOrEmpty
        $job.Output | Should -Match 'No images came through the pipeline'
        $job.Lines[-2..-1] | Should -Be 'CODE 3', 'environment variable KIE_API_KEY'
        (Get-KlingSandbox).CreatesReceived | Should -Be 0
    }

    It 'go on where a host was recycled, and pay once' {
        # The service says nothing of its tasks until the host is gone, so no video can be there by then.
        $sandbox.AddFault(@{ On = 'Query'; Kind = 'Code'; Code = 455; Message = 'maintenance'; Count = 0 })
        $killed = Start-JobShell -Place $place -Environment $withKey "& '$place/nightly.ps1' $run"

        # An answer that is not in the ledger yet would be one that was lost, and that is another test.
        $limit = [datetime]::UtcNow.AddSeconds(60)
        while (@(Get-KlingVideoTask).Where{ $_.TaskId }.Count -lt 3 -and [datetime]::UtcNow -lt $limit) { Start-Sleep -Milliseconds 50 }
        $killed.Process.Kill()
        $null = Wait-Shell $killed
        $sandbox.ClearFaults()
        "$place/videos/*.mp4" | Should -Not -Exist
        (Get-Report).outcome | Should -Be 'Running'

        (Invoke-Nightly).ExitCode | Should -Be 0
        (Get-ChildItem "$place/videos/*.mp4").Count | Should -Be 3
        (Get-KlingSandbox).TasksPerImage.Values | Should -Be 1, 1, 1
    }

    Context 'with somebody who is told' {
        BeforeAll {
            # Takes every request, and remembers its path and its body.
            $listener = [Net.HttpListener]::new()
            do {
                $port = Get-Random -Minimum 20000 -Maximum 60000
                $listener.Prefixes.Clear()
                $listener.Prefixes.Add("http://127.0.0.1:$port/")
                try { $listener.Start() } catch { $listener = [Net.HttpListener]::new() }
            } until ($listener.IsListening)
            $pings = [Collections.Concurrent.ConcurrentQueue[string[]]]::new()
            $server = [powershell]::Create().AddScript({
                    param($listener, $pings)
                    while ($listener.IsListening) {
                        try { $context = $listener.GetContext() } catch { return }
                        $pings.Enqueue(@($context.Request.Url.AbsolutePath, [IO.StreamReader]::new($context.Request.InputStream).ReadToEnd()))
                        if ($context.Request.Url.AbsolutePath -like '/broken/*') { $context.Response.StatusCode = 500 }
                        if ($context.Request.Url.AbsolutePath -like '/trickle/*') {
                            # Its headers arrive, and the rest of it never does.
                            $context.Response.ContentLength64 = 100
                            $context.Response.OutputStream.WriteByte(65)
                            $context.Response.OutputStream.Flush()
                            continue
                        }
                        $context.Response.Close()
                    }
                }).AddArgument($listener).AddArgument($pings)
            $null = $server.BeginInvoke()
        }

        AfterAll {
            $listener.Stop()
            $server.Dispose()
        }

        BeforeEach { $pings.Clear() }

        It 'ping at the start and at the end, with the report' {
            (Invoke-Nightly "$run -Ping 'http://127.0.0.1:$port/job' -Metrics '$place/kling.prom'").ExitCode | Should -Be 0
            $told = $pings.ToArray()
            $told.ForEach{ $_[0] } | Should -Be '/job/start', '/job/0'
            ($told[1][1] | ConvertFrom-Json).outcome | Should -Be 'AllThere'
            Get-Content "$place/kling.prom" | Should -Contain "klingps_last_run_exit_code{account=`"$((Get-KlingAccount).Fingerprint)`"} 0"
        }

        It 'ping where somebody has to look: <_>' -ForEach 'no key', 'no folder' {
            $job = $_ -eq 'no key' ? (Invoke-Nightly "$run -Ping 'http://127.0.0.1:$port/job'" $service -WithoutVaultModules)
            : (Invoke-Nightly "-Source '$place/none' -Ping 'http://127.0.0.1:$port/job'")
            $pings.ToArray().ForEach{ $_[0] } | Should -Be '/job/start', "/job/$($job.ExitCode)"
        }

        It 'warn of a ping that does not arrive, and go on: <Name>' -ForEach @(
            @{ Name = 'refused'; Ping = 'http://127.0.0.1:1/job' }
            @{ Name = 'no address'; Ping = 'not an address' }
            @{ Name = 'another scheme'; Ping = 'ftp://127.0.0.1/job' }
            @{ Name = 'an error of the server'; Ping = '/broken/job' }
            @{ Name = 'an answer without end'; Ping = '/trickle/job' }
        ) {
            if ($Ping.StartsWith('/')) { $Ping = "http://127.0.0.1:$port$Ping" }
            $job = Invoke-Nightly "$run -Ping '$Ping'"
            $job.ExitCode | Should -Be 0
            $job.Lines -match 'warning The ping was not delivered: ' | Should -HaveCount 2
            (Get-ChildItem "$place/videos/*.mp4").Count | Should -Be 3
        }
    }

    Context "in an environment like cron's$noShell" -Skip:([bool]$noShell) {
        BeforeEach {
            Add-PowerShell
            $null = $key | & /bin/sh -c (ConvertTo-Place $keyLine)
        }

        It 'run with the key of a file, write plain text, and tell the system log what is wrong' {
            $sandbox.AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = 'try again' })
            $job = Invoke-Cron
            $job.Output + $job.Errors | Should -BeNullOrEmpty -Because 'all of it is in the log'
            Get-Content "$place/syslog" | Should -Be '-p user.err KlingPS: nightly.ps1 ended with 2'
            $log = Get-Content "$place/nightly.log"
            $log | Should -HaveCount 4
            $log -match '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ' | Should -HaveCount 4
            $log -match '[^\x20-\x7E]' | Should -BeNullOrEmpty
            (Get-Report).account.endpoint | Should -Be "$($sandbox.Endpoint)"
        }

        It 'write plain text even where PowerShell fails before the script has begun' {
            Set-Content "$place/nightly.ps1" 'param('
            $null = Invoke-Cron
            Get-Content "$place/nightly.log" -Raw | Should -Not -Match "`e"
            Get-Content "$place/syslog" | Should -Match 'ended with 1'
        }

        It 'refuse a key that others can read, and say whose file it is' {
            chmod 644 "$place/key"
            $null = Invoke-Cron
            Get-Content "$place/nightly.log" | Select-Object -First 1 | Should -Match " error .*KlingApiKeyMissing: .*$place/key.*chmod 600"
        }

        It 'run as a service of systemd, whose limit is no failure' {
            $unit = ConvertTo-Place $recipes['kling.service']
            $recipes['kling.timer'] | Should -Match '(?m)^OnCalendar=\*-\*-\* 02:15$'
            $variables = [regex]::Match($unit, '(?m)^Environment=(.*)$').Groups[1].Value -split ' '
            $credential = [regex]::Match($unit, '(?m)^LoadCredential=(.+):').Groups[1].Value
            $null = New-Item "$place/credentials" -ItemType Directory
            Copy-Item "$place/key" "$place/credentials/$credential"
            chmod 400 "$place/credentials/$credential"
            $line = [regex]::Match($unit, '(?m)^ExecStart=(.*)$').Groups[1].Value.Trim()
            $variables = @($variables | ForEach-Object { $_.Trim().Replace('%d', "$place/credentials") }) + "KLINGPS_CONFIG=$place/config.json"

            $job = Invoke-Bare "$line -Source '$place/images' -MaxCredits 42" $variables
            $job.ExitCode | Should -BeIn ([regex]::Match($unit, '(?m)^SuccessExitStatus=(.*)$').Groups[1].Value.Trim() -split ' ')
            $job.Lines[-1] | Should -Match ' ended LimitReached \(4\) 1 made, '
        }

        It 'run in a container: <_>' -ForEach 'compose.yaml', 'cronjob.yaml' {
            $yaml = ConvertTo-Place $recipes[$_]
            if ($_ -eq 'compose.yaml') {
                $line = [regex]::Match($yaml, '(?m)^    command: (.*)$').Groups[1].Value.Trim()
                $variables = [regex]::Matches($yaml, '(?m)^      ([A-Z_]+): (.*?)\r?$').ForEach{ "$($_.Groups[1].Value)=$($_.Groups[2].Value)" }
                $mounted = '/run/secrets/kie_api_key'
            }
            else {
                $line = [regex]::Match($yaml, 'command: \[(.*)\]').Groups[1].Value.Replace(',', '')
                $variables = [regex]::Matches($yaml, "\{ name: ([A-Z_]+), value: '?(.*?)'? \}").ForEach{ "$($_.Groups[1].Value)=$($_.Groups[2].Value)" }
                $mounted = '/run/kling/key'
                $yaml | Should -Match 'mountPath: /run/kling,'
            }
            $variables | Should -Contain "KIE_API_KEY_FILE=$mounted"
            $job = Invoke-Bare "$line -Source '$place/images'" @($variables.Replace($mounted, "$place/key"))
            $job.ExitCode | Should -Be 0
            $job.Lines -match 'Z made ' | Should -HaveCount 3
        }

        It 'show the operator in the morning what the night has cost, what failed and why' {
            $sandbox.AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = 'try again'; Match = 'glides' })
            $sandbox.AddFault(@{ On = 'Create'; Kind = 'LoseAnswerAfter'; Match = 'The boat sails away.' })
            $null = Invoke-Cron
            $shell = Invoke-Bare (ConvertTo-Place "pwsh -NoProfile -File /srv/kling/morning.ps1 -Reports /srv/kling/reports") "KLINGPS_CONFIG=$place/config.json", "KIE_API_KEY_FILE=$place/key", 'NO_COLOR=1', 'COLUMNS=120'
            $shell.Errors | Should -BeNullOrEmpty
            $shell.ExitCode | Should -Be 0
            # Lines are broken wherever a path reaches the edge.
            $text = $shell.Output -replace '\s+'
            $text | Should -Match 'outcome:NeedsPerson.*errorId:KlingTaskFailed.*tryagain'
            $text | Should -Match 'errorId:KlingAttemptUnknown'
            $text | Should -Match (Get-Report).runId
        }

        # Thirty images, one of which is none, a task that fails, an answer that is lost, and a limit: three nights, as cron runs them. What
        # every part says of a night agrees with the others and, to the credit, with the bill of the service.
        It 'agree with each other and with the bill, three nights in a row' {
            $price = 42
            $perNight = 12
            Remove-Item "$place/images/*"
            $sample = [IO.File]::ReadAllBytes((Get-ChildItem "$root/samples/images/*.png")[0].FullName)
            foreach ($i in 1..29) {
                [IO.File]::WriteAllBytes("$place/images/$('{0:00}' -f $i).png", $sample + [byte[]] (0, $i))
                Set-Content "$place/images/$('{0:00}' -f $i).txt" ('It moves.', 'It turns.')[$i % 2]
            }
            Set-Content "$place/images/bad.png" 'No image.'

            # Two prompts, so that it is not the video that fails whose purchase is lost.
            $sandbox.AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = 'try again'; Match = 'turns' })
            $sandbox.AddFault(@{ On = 'Create'; Kind = 'LoseAnswerAfter'; Match = 'moves' })
            $billed = 0
            foreach ($night in 1..3) {
                if ($night -eq 3) { $sandbox.AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = 'try again' }) }
                $begin = [datetime]::Now
                $bill = Get-KlingSandbox | Select-Object CreditsSpent, CreditsHeld, CreatesAccepted
                Remove-Item "$place/nightly.log", "$place/events.jsonl", "$place/syslog" -ErrorAction Ignore
                $job = Invoke-Cron "-MaxCredits $($perNight * $price) -Metrics '$place/kling.prom'"
                $after = Get-KlingSandbox
                $cost = $after.CreditsSpent + $after.CreditsHeld - $bill.CreditsSpent - $bill.CreditsHeld
                $billed += $cost
                $report = (Get-Report)[-1]
                $totals = $report.totals

                # What the night came to, and its exit code as documented.
                $expected = switch ($night) {
                    1 { 'NeedsPerson', 5, 1, 1, 1 }
                    2 { 'LimitReached', 4, 0, 0, 1 }
                    3 { 'Partly', 2, 0, 1, 1 }
                }
                $report.outcome, $report.exitCode, $totals.unknown, $totals.failed, $totals.refused | Should -Be $expected
                Get-Content "$place/syslog" | Should -Be "-p user.err KlingPS: nightly.ps1 ended with $($expected[1])"
                $report.items | Should -HaveCount 30
                $totals.made | Should -BeLessOrEqual $perNight

                # The bill.
                $totals.credits + $totals.creditsUnknown | Should -Be $cost

                # The log for people, and the one for programs.
                $lines = Get-Content "$place/nightly.log"
                $lines -match 'Z made ' | Should -HaveCount $totals.made
                $lines -match 'Z downloaded ' | Should -HaveCount $totals.downloaded
                $lines -match 'Z error ' | Should -HaveCount @($report.items | Where-Object errorId).Count
                foreach ($item in $report.items | Where-Object errorId) { $lines -match "Z error $([regex]::Escape($item.path)) $($item.errorId): " | Should -HaveCount 1 }
                $lines[-1] | Should -Match "ended $($report.outcome) \($($report.exitCode)\) $($totals.made) made, .* $($totals.failed) failed, $($totals.unknown) unknown; $($totals.credits) credits"
                $events = Get-Content "$place/events.jsonl" | ConvertFrom-Json
                $events.runId | Select-Object -Unique | Should -Be $report.runId
                @($events | Where-Object event -EQ verified) | Should -HaveCount ($totals.made + $totals.downloaded)
                @($events | Where-Object event -EQ failed) | Should -HaveCount @($report.items | Where-Object errorId).Count
                @($events | Where-Object event -EQ submitted).Count + $totals.unknown | Should -Be ($after.CreatesAccepted - $bill.CreatesAccepted)

                # What the operator's own shell says: the configuration is the same.
                $spend = Get-KlingSpend Run | Where-Object Group -EQ $report.runId
                $spend.Videos, $spend.Unknown, $spend.CreditsConsumed, $spend.CreditsReserved | Should -Be $totals.made, $totals.unknown, $totals.creditsConsumed, ($totals.creditsReserved + $totals.creditsUnknown)
                (Get-KlingSpend | Measure-Object CreditsConsumed -Sum).Sum + (Get-KlingSpend | Measure-Object CreditsReserved -Sum).Sum | Should -Be $billed

                # The metrics.
                $metrics = @{}
                Get-Content "$place/kling.prom" | Where-Object { $_ -notmatch '^#' } | ForEach-Object { $metrics[($_ -replace ' \S+$' -replace 'account="[^"]*",?')] = [decimal] ($_ -split ' ')[-1] }
                $metrics['klingps_last_run_exit_code{}'] | Should -Be $report.exitCode
                foreach ($result in 'made', 'failed', 'unknown', 'refused') { $metrics["klingps_last_run_images{result=`"$result`"}"] | Should -Be $totals.$result }
                $metrics['klingps_last_run_images{result="over_limit"}'] | Should -Be $totals.overLimit
                $metrics['klingps_unknown_attempts{}'] | Should -Be $totals.unknown
                $metrics['klingps_balance_credits{}'] | Should -Be $after.CreditsLeft
                if ($begin.Date -eq [datetime]::Now.Date) { $metrics['klingps_today_consumed_credits{}'] + $metrics['klingps_today_reserved_credits{}'] | Should -Be $billed }

                if ($night -eq 1) {
                    # A person finds the task whose answer was lost.
                    $known = (Get-KlingVideoTask).TaskId
                    $lost = $after.Tasks.TaskId | Where-Object { $_ -notin $known }
                    Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -TaskId $lost
                }
            }

            # All is there but what cannot be, each paid for once.
            (Get-ChildItem "$place/videos/*.mp4").Count | Should -Be 28
            (Get-KlingSandbox).CreditsSpent | Should -Be (28 * $price)
        }
    }

    It 'run as a task of the Task Scheduler' {
        # Where there is no Task Scheduler, its commands only pass on what they were given.
        $stubs = @'
function New-ScheduledTaskAction($Execute, $Argument) { @{ Execute = $Execute; Argument = $Argument } }
function New-ScheduledTaskTrigger([switch] $Daily, $At) { $At }
function New-ScheduledTaskSettingsSet([switch] $StartWhenAvailable, $ExecutionTimeLimit) { $ExecutionTimeLimit }
function New-ScheduledTaskPrincipal($UserId, $LogonType) { $LogonType }
function Register-ScheduledTask($TaskName, $Action, $Trigger, $Settings, $Principal) { $Action | ConvertTo-Json }
'@
        $registered = Invoke-Job -Place $place -Environment $withKey "$stubs; & '$place/setup-task.ps1' -Folder '$place'"
        $action = $registered.Output | ConvertFrom-Json
        $action.Execute | Should -Be 'pwsh'

        $start = [Diagnostics.ProcessStartInfo]::new($powerShell)
        $start.Arguments = (@($powerShellArguments | ForEach-Object { '"' + $_ + '"' }) + $action.Argument) -join ' '
        $start.Environment['PSModulePath'] = "$root/out" + [IO.Path]::PathSeparator + (Join-Path $PSHOME Modules)
        foreach ($name in $withKey.Keys) { $start.Environment[$name] = $withKey[$name] }
        $null = $start.Environment.Remove('KLINGPS_LEDGER')
        $process = [Diagnostics.Process]::Start($start)
        $process.WaitForExit(300000) | Should -BeTrue
        $process.ExitCode | Should -Be 0
        @(Get-Content "$place/nightly.log") -match 'Z made ' | Should -HaveCount 3
    }

    It 'run as a step of GitHub Actions: <_>' -ForEach 'nightly.yml', 'hosted.yml' {
        $steps = [regex]::Matches($recipes[$_], '(?ms)^        run: \|\r?\n((?:          .*?\n)+)').ForEach{ $_.Groups[1].Value -replace '(?m)^          ' }
        $script = "function Install-PSResource { }; Set-Location '$place'`n" + $steps[0]
        $job = Invoke-Job -Place $place -Environment $withKey $script
        $job.ExitCode | Should -Be 0
        $job.Lines -match 'Z made ' | Should -HaveCount 3

        # Who has to be woken is: the step fails.
        $sandbox.AddFault(@{ On = 'Create'; Kind = 'LoseAnswerAfter' })
        Add-Content "$place/images/boat.txt" 'And comes back.'
        (Invoke-Job -Place $place -Environment $withKey $script).ExitCode | Should -Be 5
        if ($_ -eq 'hosted.yml') {
            $steps | Should -HaveCount 2
            $withoutKey = $withKey + @{}
            $withoutKey.KIE_API_KEY = $null
            (Invoke-Job -Place $place -Environment $withoutKey "function Install-PSResource { }`n$($steps[1])").Errors | Should -BeNullOrEmpty
            (Get-KlingVideoTask -State Succeeded).TakenAt | Should -Not -Contain $null
        }
    }

    It 'tell the ledger that videos were taken elsewhere, and fetch none of them again' {
        (Invoke-Nightly).ExitCode | Should -Be 0
        foreach ($time in 1, 2) {
            $job = Invoke-Job -Place $place -Environment $withKey "& '$place/archive.ps1' -Archive '$place/archive'"
            $job.Errors | Should -BeNullOrEmpty
        }
        (Get-ChildItem "$place/archive/*.mp4").Count | Should -Be 3
        $again = Invoke-Nightly
        $again.ExitCode | Should -Be 0
        $again.Lines | Should -HaveCount 1
        "$place/videos/*.mp4" | Should -Not -Exist
    }

    It 'run in an Automation account' {
        $job = Invoke-Job -Place $place -Environment $service "$(Get-Asset $key); & '$place/runbook.ps1' -Folder '$place'"
        $job.Errors | Should -BeNullOrEmpty
        $job.ExitCode | Should -Be 0
        ($job.Lines -like '*Z made *').Count | Should -Be 3
        $job.Output | Should -Not -Match $key
    }

    It 'take a ledger on a server in an Automation account' {
        $job = Invoke-Job -Place $place "$(Get-Asset 'secret'); . '$place/server.ps1'; `$env:KLINGPS_LEDGER; `$env:PGPASSWORD"
        $job.Lines | Should -Be 'postgresql://KlingLedger@myserver.postgres.database.azure.com/videos', 'secret'
    }

    It 'fail the job in an Automation account when an image has no video or the key is wrong' {
        $sandbox.AddFault(@{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = 'try again' })
        $job = Invoke-Job -Place $place -Environment $service "$(Get-Asset $key); try { & '$place/runbook.ps1' -Folder '$place' } finally { try { `$null = Get-KlingAccount } catch { 'AFTER it: nothing is connected' } }"
        $job.ExitCode | Should -Be 1
        $job.Errors | Should -Match 'ended with exit code 2'
        $job.Lines[-1] | Should -Be 'AFTER it: nothing is connected'
        ($job.Lines -like '*Z made *').Count | Should -Be 2

        (Invoke-Job -Place $place -Environment $service "$(Get-Asset 'another-key'); & '$place/runbook.ps1' -Folder '$place'").ExitCode | Should -Be 1
    }

    It "run with a key from a store of its own$noStore" -Skip:([bool]$noStore) {
        # Nothing is installed here; and who sets it up would type the key.
        $setup = "function Install-PSResource { }; `$PSDefaultParameterValues['Set-KlingApiKey:ApiKey'] = ConvertTo-SecureString '$key' -AsPlainText -Force; & '$place/setup-vault.ps1'"
        (Invoke-Job -Place $place -Environment $service $setup).Errors | Should -BeNullOrEmpty

        $job = Invoke-Nightly -Environment $service
        $job.Errors | Should -BeNullOrEmpty
        $job.ExitCode | Should -Be 0
        (Invoke-Job -Place $place -Environment $service 'Get-KlingAccount').Output | Should -Match 'secret KlingApiKey'
        ($job.Lines -like '*Z made *').Count | Should -Be 3
    }
}
