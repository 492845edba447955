# What the script of about_KlingPS_Automation does in a night.

Describe 'The recipes for automation' {
    BeforeAll { . "$PSScriptRoot/Nights.ps1" }

    BeforeEach {
        Start-Night
        Add-SampleImage
    }

    AfterAll { Stop-Nights }

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

    It 'record what they are buying where a host is shut down by <_>' -Skip:$IsWindows -ForEach 'TERM', 'HUP' {
        $sandbox.AddFault(@{ On = 'Create'; Kind = 'Delay'; Delay = '00:00:01'; Count = 0 })
        $ended = Start-JobShell -Place $place -Environment $withKey "& '$place/nightly.ps1' $run"
        $limit = [datetime]::UtcNow.AddSeconds(60)
        while (@(Get-KlingVideoTask -State Submitting).Count -lt 3 -and [datetime]::UtcNow -lt $limit) { Start-Sleep -Milliseconds 20 }
        & /bin/kill "-$_" $ended.Process.Id
        $null = Wait-Shell $ended
        $sandbox.ClearFaults()
        @(Get-KlingVideoTask).Where{ $_.TaskId } | Should -HaveCount 3
        @(Get-KlingVideoTask -State Unknown) | Should -HaveCount 0

        # With 3 if these tests were started by nohup, which has every shell that they start ignore one of the two.
        (Invoke-Nightly).ExitCode | Should -BeIn 0, 3
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

        It 'warn of a ping that does not arrive, and go on' {
            $lost = [ordered] @{
                'refused' = 'http://127.0.0.1:1/job'
                'no address' = 'not an address'
                'another scheme' = 'ftp://127.0.0.1/job'
                'an error of the server' = "http://127.0.0.1:$port/broken/job"
                'an answer without end' = "http://127.0.0.1:$port/trickle/job"
            }
            $job = Invoke-Job -Place $place -Environment $withKey ($lost.GetEnumerator().ForEach{ "& '$place/nightly.ps1' $run -Ping '$($_.Value)'; '$($_.Key): ' + `$LASTEXITCODE" } -join "`n")
            $job.Lines -match '^[a-z ]+: \d+$' | Should -Be $lost.Keys.ForEach{ "${_}: 0" }
            $job.Output -split '(?m)^[a-z ]+: 0$' | Select-Object -SkipLast 1 | ForEach-Object { [regex]::Matches($_, 'warning The ping was not delivered: ').Count } | Should -Be (2, 2, 2, 2, 2)
            (Get-ChildItem "$place/videos/*.mp4").Count | Should -Be 3
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
}
