# Runs examples of the help as a reader would type them, against the sandbox, each in a runspace and with a ledger of its own.
# Takes the module, the images and the examples (objects with Cmdlet, Number and Code); emits what came of each as JSON.
param([string] $Module, [string] $Images, [object[]] $Examples)

# What examples speak of is there: photos, CSV files, tasks with these ids, callbacks, a vault, and somebody who answers questions.
$setup = {
    param($module, $images, $example)

    $ErrorActionPreference = 'Stop'
    $folder = New-Item ([IO.Path]::Combine($HOME, 'examples', "$($example.Cmdlet)-$($example.Number)")) -ItemType Directory
    Set-Location $folder
    $null = New-Item photos -ItemType Directory
    Copy-Item "$images/sunrise.jpg" ./photos/harbour.jpg
    foreach ($name in 'hill', 'lost') {
        # The same picture with other bytes at its end is another image.
        [IO.File]::WriteAllBytes("$folder/photos/$name.jpg", [IO.File]::ReadAllBytes("$images/sunrise.jpg") + [Text.Encoding]::ASCII.GetBytes($name))
    }
    Copy-Item "$images/lighthouse.png" ./lighthouse.png
    Copy-Item "$images/lighthouse.png" ./lighthouse-night.png
    Copy-Item "$images/lighthouse.png" ./logo.png
    Set-Content ./shots.csv 'Path,Prompt,Duration', 'photos/harbour.jpg,Boats rock in the waves.,10', 'photos/hill.jpg,Grass moves in the wind.,'

    Import-Module $module
    $key = ConvertTo-SecureString 'sandbox-key' -AsPlainText
    $env:KLINGPS_LEDGER = "$folder/ledger.db"
    $env:KLINGPS_CONFIG = "$folder/config.json"
    $env:KIE_API_KEY = 'sandbox-key'
    $sandbox = Start-KlingSandbox -ApiKey $key -CallbackKey $key -GenerationTime 0
    $env:KLINGPS_ENDPOINT = $sandbox.Endpoint
    $env:KLINGPS_UPLOAD_ENDPOINT = $sandbox.UploadEndpoint
    $null = $sandbox | Connect-KlingAccount
    $done = New-KlingVideoTask ./photos/harbour.jpg 'Boats rock in the waves.' | Wait-KlingVideoTask -PollingInterval 0.1
    $listeners = 1..2 | ForEach-Object { [Net.Sockets.TcpListener]::new('127.0.0.1', 0) }
    $port, $otherPort = $listeners | ForEach-Object { $_.Start(); $_.LocalEndpoint.Port }
    $listeners | ForEach-Object { $_.Stop() }

    # The sandbox goes on calling back for a quarter of a minute: whoever listens by then hears of it.
    $sandbox.AddFault(@{ On = 'Create'; Kind = 'LoseAnswerAfter' })
    New-KlingVideoTask ./photos/lost.jpg 'Its answer is lost.' -CallbackUri "http://localhost:$port/kling/" -ErrorAction SilentlyContinue
    $lost = Get-KlingVideoTask -State Unknown
    $lostId = ((Get-KlingSandbox).Tasks | Where-Object TaskId -NE $done.TaskId).TaskId

    function global:Read-Host { ConvertTo-SecureString 'sandbox-key' -AsPlainText }
    function global:Get-Credential { [pscredential]::new('user', (ConvertTo-SecureString 'password' -AsPlainText)) }
    function global:code { }
    function global:op { 'sandbox-key' }
    New-Module Microsoft.PowerShell.SecretManagement {
        function Get-SecretVault { [CmdletBinding()] param() [pscustomobject] @{ Name = 'Automation' } }
        function Get-Secret { [CmdletBinding()] param($Name, $Vault) ConvertTo-SecureString 'sandbox-key' -AsPlainText }
        function Set-Secret { [CmdletBinding()] param($Name, $Secret, $SecureStringSecret, $Vault) }
    } | Import-Module -Global

    $body = @{ code = 200; data = @{ taskId = $done.TaskId; state = 'success' } } | ConvertTo-Json -Compress
    $timestamp = "$([DateTimeOffset]::UtcNow.ToUnixTimeSeconds())"
    $signature = [Convert]::ToBase64String([Security.Cryptography.HMACSHA256]::HashData([Text.Encoding]::UTF8.GetBytes('sandbox-key'), [Text.Encoding]::UTF8.GetBytes("$($done.TaskId).$timestamp")))
    $Request = @{ RawBody = $body; Headers = @{ 'X-Webhook-Timestamp' = $timestamp; 'X-Webhook-Signature' = $signature }; Url = 'https://hooks.example.com/kling/' }
    [pscustomobject] @{ Body = $body; Timestamp = $timestamp; Signature = $signature } | Export-Csv ./callbacks.csv
    $videos = "$folder/videos"

    # Ids that stand for the reader's own.
    $settles = $example.Cmdlet -like 'Resolve-*'
    $code = $example.Code.Replace('9b1f0c6e2d3a4f58a7c0e1d2b3f4a5c6', $settles ? $lostId : $done.TaskId)
    $code = $code -replace '\b17\b', ($settles ? $lost.Id : $done.Id)
    $code = $code.Replace('http://proxy.example.com:8080', $sandbox.Endpoint)

    # Ports that are free here. Whoever listens for ever has heard enough after one callback.
    $code = $code.Replace('-Port 8787', "-Port $otherPort").Replace('https://hooks.example.com/', "http://localhost:$port/").Replace(':8080/', ":$port/")
    $code = $code -replace '^Receive-KlingCallback (?=http)', '$0-Count 1 '
    if ($code -notlike '*-Body *') {
        $PSDefaultParameterValues['Receive-KlingCallback:Prefix'] = "http://localhost:$port/kling/"
    }

    # A folder of videos, and what was chosen of them. Nobody is there to look at a page.
    $code = $code -replace ' -Show\b'
    if ($example.Cmdlet -like '*-KlingGallery*') {
        $null = $done | Save-KlingVideo -Destination ./videos
        $null = ConvertTo-KlingVideo ./photos/hill.jpg 'Grass moves in the wind.' ./videos -Sidecar -PollingInterval 0.1 6> $null
        $number = 0
        @{
            format = 'KlingPS gallery choice'
            version = 1
            choices = @(Get-KlingVideoTask -State Succeeded | ForEach-Object { @{ key = $_.TaskId; name = 'photo'; choice = ('Picked', 'Rejected')[$number++ % 2]; rating = 4 } })
        } | ConvertTo-Json -Depth 3 | Set-Content ./gallery.choice.json
        $null = New-Item ./keep -ItemType Directory
    }

    $code
    $Error.Clear()
}

$results = foreach ($example in $Examples) {
    $runspace = [runspacefactory]::CreateRunspace([initialsessionstate]::CreateDefault2())
    $runspace.Open()
    $shell = [powershell]::Create()
    $shell.Runspace = $runspace
    $errors = [Collections.Generic.List[string]]::new()
    try {
        $code = $shell.AddScript($setup).AddArgument($Module).AddArgument($Images).AddArgument($example).Invoke()[-1]
        $shell.Commands.Clear()
        $shell.Streams.ClearStreams()

        # For the formatter as well, as in a shell.
        $running = $shell.AddScript('$ErrorActionPreference = "Continue"').AddStatement().AddScript($code).AddCommand('Out-String').BeginInvoke()
        if ($running.AsyncWaitHandle.WaitOne([timespan]::FromMinutes(5))) {
            $text = $shell.EndInvoke($running) -join ''
        }
        else {
            $shell.Stop()
            $errors.Add('It did not end within five minutes.')
        }
    }
    catch {
        $errors.Add("$($_.Exception.InnerException.ErrorRecord.FullyQualifiedErrorId ?? $_.FullyQualifiedErrorId): $_")
    }

    foreach ($record in $shell.Streams.Error) {
        $errors.Add("$($record.FullyQualifiedErrorId): $record")
    }

    $shell.Commands.Clear()
    $null = $shell.AddScript('Disconnect-KlingAccount; Stop-KlingSandbox').Invoke()
    $shell.Dispose()
    $runspace.Dispose()
    @{ Cmdlet = $example.Cmdlet; Number = $example.Number; Errors = @($errors); Text = $text }
}

ConvertTo-Json @($results) -Depth 4
