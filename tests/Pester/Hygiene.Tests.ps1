# The API key and the HMAC key are nowhere to be found: one job does everything, well and badly, and tells all it can; then every stream and every byte it left is searched.

Describe 'The key' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"
        $place = [IO.Directory]::CreateTempSubdirectory('klingps-hygiene-').FullName
        $key = [guid]::NewGuid().ToString('N')

        $hmac = [guid]::NewGuid().ToString('N')

        # What must not be found: each key, as it is or in base64, and each half of it.
        $needles = [ordered] @{}
        foreach ($secret in @{ Name = 'the API key'; Text = $key }, @{ Name = 'the HMAC key'; Text = $hmac }) {
            $needles[$secret.Name] = $secret.Text
            $needles["$($secret.Name) in base64"] = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($secret.Text)).TrimEnd('=')
            $needles["$($secret.Name) in wide base64"] = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($secret.Text)).TrimEnd('=')
            $needles["the first half of $($secret.Name)"] = $secret.Text.Substring(0, 16)
            $needles["the second half of $($secret.Name)"] = $secret.Text.Substring(16)
            $needles["$($secret.Name) in hexadecimals"] = [Convert]::ToHexString([Text.Encoding]::UTF8.GetBytes($secret.Text))
        }

        $job = Invoke-Job -Place $place -Environment @{ TEST_KEY = $key; TEST_HMAC = $hmac; IMAGES = Join-Path $root 'samples' 'images' } -Script @'
$VerbosePreference = $DebugPreference = $InformationPreference = $WarningPreference = 'Continue'
$null = Start-Transcript "$HOME/transcript.txt" -IncludeInvocationHeader
$boat, $light = "$env:IMAGES/boat.webp", "$env:IMAGES/lighthouse.png"
$secure = ConvertTo-SecureString $env:TEST_KEY -AsPlainText -Force
$split = ConvertTo-SecureString $env:TEST_KEY.Insert(16, ' ') -AsPlainText -Force
$hmac = ConvertTo-SecureString $env:TEST_HMAC -AsPlainText -Force
$wrong = ConvertTo-SecureString 'another-key' -AsPlainText -Force
$objects = [Collections.Generic.List[object]]::new()

# Each step is given all streams a place to go, and its errors stay in $Error.
function Step([scriptblock] $Do) {
    try { & $Do *>&1 | ForEach-Object { $objects.Add($_); $_ } } catch { $objects.Add($_); "$_" }
}

Step { $env:KIE_API_KEY = $env:TEST_KEY.Insert(16, ' '); Get-KlingAccount }
Step { Start-KlingSandbox -ApiKey $secure -CallbackKey $hmac -GenerationTime 0.2 -Credits 500 }
$sandbox = Get-KlingSandbox
$to = @{ Endpoint = $sandbox.Endpoint; UploadEndpoint = $sandbox.UploadEndpoint }
Step { Connect-KlingAccount $wrong @to }
Step { Connect-KlingAccount $split @to }
Step { Connect-KlingAccount $secure @to -Proxy 'http://name:x@proxy.example' }
Step { Connect-KlingAccount $secure -Endpoint 'http://api.kie.example/' }
Step { Connect-KlingAccount -SecretName Nowhere }
Step { $env:KIE_API_KEY = $env:TEST_KEY; Connect-KlingAccount @to; $env:KIE_API_KEY = 'changed'; Get-KlingAccount }
Step { $env:KIE_API_KEY = $null; $env:KLINGPS_ENDPOINT = $env:TEST_KEY; Get-KlingConfiguration }
$env:KLINGPS_ENDPOINT = $null
Step { Connect-KlingAccount $secure @to; Get-KlingAccount }
Step { Set-KlingApiKey $secure }
Step { Set-KlingConfiguration -DailyCreditCap 5000 -PollingInterval 0.2; Set-KlingConfiguration -Proxy 'http://name:x@proxy.example'; Get-KlingConfiguration }

# The service repeats the key, refuses, loses answers, fails, and is no service at all.
foreach ($fault in
    @{ On = 'Create'; Kind = 'Code'; Code = 422; Message = "Bearer $env:TEST_KEY may not do this." },
    @{ On = 'Create'; Kind = 'LoseAnswerAfter' },
    @{ On = 'Create'; Kind = 'GatewayHtml' },
    @{ On = 'Create'; Kind = 'Garbage' },
    @{ On = 'Create'; Kind = 'Code'; Code = 401; Message = "The key $env:TEST_KEY is revoked." },
    @{ On = 'Create'; Kind = 'Code'; Code = 433; Message = 'cap' },
    @{ On = 'Upload'; Kind = 'Code'; Code = 400; Message = $env:TEST_KEY },
    @{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = "$env:TEST_KEY failed" },
    @{ On = 'Download'; Kind = 'CutDownload' },
    @{ On = 'Download'; Kind = 'ExpireLink' },
    @{ On = 'Download'; Kind = 'Garbage'; Count = 2 },
    @{ On = 'Query'; Kind = 'Code'; Code = 455; Message = "$env:TEST_KEY rests" }) {
    $i++
    $sandbox.AddFault($fault)
    Step { New-KlingVideoTask $light "prompt $i" -Force | Wait-KlingVideoTask -Timeout 20 | Save-KlingVideo -Destination "$HOME/videos" -NameTemplate '{BaseName}-{Id}' }
    $sandbox.ClearFaults()
}

Step { $sandbox.SetCredits(1); New-KlingVideoTask $boat 'too dear' }
$sandbox.SetCredits(500)
Step { Send-KlingImage $boat; Test-KlingImage $boat -Detailed; Measure-KlingVideoCost $boat }
Step { ConvertTo-KlingVideo $boat 'converted' -Destination "$HOME/converted" -Sidecar; $sandbox.AddFault(@{ On = 'Create'; Kind = 'LoseAnswerAfter' }); ConvertTo-KlingVideo $light 'converted' -Destination "$HOME/converted" }

# Callbacks: genuine, forged, and with keys that cannot be used.
$probe = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
$probe.Start()
$prefix = "http://localhost:$($probe.LocalEndpoint.Port)/kling/"
Step { Receive-KlingCallback $prefix -HmacKey $hmac -Timeout 1 }
$probe.Stop()
$body = '{"data":{"taskId":"t1","state":"success"}}'
$timestamp = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
$signature = [Convert]::ToBase64String([Security.Cryptography.HMACSHA256]::HashData([Text.Encoding]::UTF8.GetBytes($env:TEST_HMAC), [Text.Encoding]::UTF8.GetBytes("t1.$timestamp")))
Step { "GENUINE $(Test-KlingCallback $body -Timestamp $timestamp -Signature $signature -HmacKey $hmac)"; Test-KlingCallback $body -Timestamp $timestamp -Signature $signature -HmacKey $hmac -Detailed }
Step { Test-KlingCallback $body -Timestamp $timestamp -Signature $signature -HmacKey $wrong -Detailed; Test-KlingCallback 'no JSON' -HmacKey $hmac -Detailed }
Step { Test-KlingCallback $body -HmacKey $hmac -HmacSecretName Nowhere }
Step { Test-KlingCallback $body -HmacSecretName Nowhere }
Step { Receive-KlingCallback -Body $body -Timestamp $timestamp -Signature $signature -HmacKey $hmac }
Step { Receive-KlingCallback -Body $body -Timestamp $timestamp -Signature 'AAAA' -HmacKey $hmac }
Step { New-KlingVideoTask $light 'called back' -CallbackUri $prefix -Force | Receive-KlingCallback $prefix -HmacKey $hmac -Timeout 20 | ForEach-Object { "CALLED BACK: $($_.State)"; $_ } }
Step { New-KlingVideoTask $light 'called back in vain' -CallbackUri $prefix -Force | Receive-KlingCallback $prefix -HmacKey $wrong -Timeout 20 }
Step { Get-KlingVideoTask; Get-KlingVideoTask -State Unknown | ForEach-Object { Resolve-KlingVideoTask $_.Id -Abandon } }
Step { New-KlingVideoTask "$PSScriptRoot/*.ps1" 'no image'; Wait-KlingVideoTask -TaskId none; Save-KlingVideo -TaskId none }
Step { Get-KlingSandbox; Get-KlingAccount }
"LEAKS $((Get-KlingSandbox).KeyLeaks) OF $((Get-KlingSandbox).Downloads) DOWNLOADS, $($Error.Count) ERRORS"
Step { $env:KLINGPS_LEDGER = "$HOME"; Disconnect-KlingAccount; $env:KIE_API_KEY = $env:TEST_KEY; $env:KLINGPS_ENDPOINT = 'http://127.0.0.1:9/'; New-KlingVideoTask $boat 'no ledger' }
Step { Get-KlingAccount }

# Everything that can be read of what came out.
$Error | Format-List * -Force | Out-String -Width 1000
$Error | ForEach-Object { $_.Exception | Format-List * -Force | Out-String -Width 1000; "$($_.Exception)"; "$($_.ScriptStackTrace)" }
foreach ($object in $objects) {
    "$object"
    $object | Format-List * -Force | Out-String -Width 1000
    $object | ConvertTo-Json -Depth 3 -WarningAction SilentlyContinue -Compress
}

$null = Stop-Transcript
'THE END'
'@
    }

    AfterAll {
        Remove-Item $place -Recurse -Force -ErrorAction Ignore
    }

    It 'was used: the job came to its end, with videos, and with errors of many kinds' {
        $job.Lines[-1] | Should -Be 'THE END'
        $ids = [regex]::Matches($job.Output, 'FullyQualifiedErrorId +: (Kling\w+)') | ForEach-Object { $_.Groups[1].Value } | Sort-Object -Unique
        $ids | Should -Contain 'KlingUnauthorized'
        foreach ($id in 'KlingApiKeyMissing', 'KlingRequestInvalid', 'KlingAttemptUnknown', 'KlingKeyCapReached', 'KlingTaskFailed', 'KlingCreditsInsufficient', 'KlingServiceUnavailable', 'KlingLedgerUnusable', 'KlingListenerUnusable', 'KlingCallbackRefused') {
            $ids | Should -Contain $id
        }

        $job.Output | Should -Match 'Bearer \(hidden\) may not do this' -Because 'the service did repeat the key'
        $job.Lines | Should -Contain 'GENUINE True'
        $job.Lines | Should -Contain 'CALLED BACK: Succeeded'
        Get-ChildItem "$place/videos/*.mp4" | Should -Not -BeNullOrEmpty
        "$place/ledger.db" | Should -Exist
        "$place/converted/boat.mp4.json" | Should -Exist
        "$place/config.json" | Should -Exist
        Get-Content "$place/transcript.txt" -Raw | Should -Match 'POST /api/v1/jobs/createTask: HTTP 200'
    }

    It 'went to no download host' {
        $job.Output | Should -Match 'LEAKS 0 OF [1-9]\d* DOWNLOADS'
    }

    It 'is in no stream' {
        foreach ($name in $needles.Keys) {
            ($job.Output + $job.Errors).IndexOf($needles[$name], [StringComparison]::OrdinalIgnoreCase) | Should -Be -1 -Because "$name was looked for"
        }
    }

    It 'is in no file that was left behind' {
        $files = Get-ChildItem $place -Recurse -File -Force
        $files.Name | Should -Contain 'transcript.txt'
        foreach ($file in $files) {
            $bytes = [IO.File]::ReadAllBytes($file.FullName)
            foreach ($text in [Text.Encoding]::Latin1.GetString($bytes), [Text.Encoding]::Unicode.GetString($bytes)) {
                foreach ($name in $needles.Keys) {
                    $text.IndexOf($needles[$name], [StringComparison]::OrdinalIgnoreCase) | Should -Be -1 -Because "$name was looked for in $($file.Name)"
                }
            }
        }
    }
}
