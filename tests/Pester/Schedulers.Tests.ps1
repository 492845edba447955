# The recipes of about_KlingPS_Automation where schedulers run them: cron, systemd, containers, Windows, GitHub and Azure.

BeforeDiscovery {
    $noStore = if ($IsWindows) {
        ' (skipped: on Windows the store cannot be moved away from the user''s own)'
    }
    elseif ('Microsoft.PowerShell.SecretManagement', 'Microsoft.PowerShell.SecretStore' | Where-Object { -not (Get-Module $_ -ListAvailable) }) {
        ' (skipped: Microsoft.PowerShell.SecretManagement and Microsoft.PowerShell.SecretStore are not both installed)'
    }
    $noShell = if ($IsWindows) { ' (skipped: Windows has neither /bin/sh nor env)' }
}

Describe 'The recipes for schedulers' {
    BeforeAll {
        . "$PSScriptRoot/Nights.ps1"
        $crontab = [regex]::Match($page, '(?ms)^## cron$.*?^```text\r?\n(.*?)^```').Groups[1].Value
        $keyLine = [regex]::Match($page, '(?m)^\(umask 077; .*?\)').Value

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
    }

    BeforeEach {
        Start-Night
        Add-SampleImage
    }

    AfterAll { Stop-Nights }

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
