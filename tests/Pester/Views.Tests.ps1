# What users see of the objects: the rendered text, from the staged module in a shell of its own.

BeforeAll {
    . "$PSScriptRoot/Shells.ps1"

    # Blank lines at the ends and spaces at the ends of lines are nobody's business; what differs from run to run becomes a letter.
    function Format-Shown([object[]] $Lines) {
        (($Lines | ForEach-Object { "$_".TrimEnd() }) -join "`n").Trim("`n") -replace '[ \d]{3}[sm](?=   5 )', '  Ns' -replace '(?<= )\d\d:\d\d:\d\d\.\d{3}', 'TIME' -replace '127\.0\.0\.1:\d+', 'HOST'
    }

    $folder = "$TestDrive/shots"
    $null = New-Item $folder -ItemType Directory
    Copy-Item "$images/boat.webp" "$folder/boat.webp"
    Copy-Item "$images/lighthouse.png" "$folder/a lighthouse with a rather long name.png"
    Copy-Item "$images/sunrise.jpg" "$folder/sunrise.jpg"
    $setup = @"
        Set-Location '$folder'
        Import-Module '$stage/KlingPS.psd1'
        `$PSStyle.OutputRendering = 'PlainText'
        `$sandbox = Start-KlingSandbox -GenerationTime 0 -Fault @{ On = 'Create'; Kind = 'LoseAnswerAfter'; Skip = 2 }, @{ On = 'Generate'; Kind = 'FailTask'; Skip = 1; FailCode = '500'; FailMessage = 'internal error, please try again later' }
        `$null = `$sandbox | Connect-KlingAccount
        foreach (`$name in 'boat.webp', 'a lighthouse with a rather long name.png', 'sunrise.jpg') {
            `$null = New-KlingVideoTask "`$PWD/`$name" 'it moves' -ErrorAction SilentlyContinue | Wait-KlingVideoTask -PollingInterval 0.1 -ErrorAction SilentlyContinue | Save-KlingVideo -Destination videos -ErrorAction SilentlyContinue
        }

"@
    function Show([string] $Script, [string] $Preparation = $setup) {
        Format-Shown (Invoke-PrivateShell -Folder "$TestDrive/$([guid]::NewGuid().ToString('N'))" "$Preparation; & { $Script } | Out-String -Width 80")
    }

    # What is shown in one shell, one after the other. What buys more comes last.
    $scripts = [ordered] @{
        table     = 'Get-KlingVideoTask'
        travelled = '
            $tasks = Get-KlingVideoTask
            $tasks | Export-Clixml $HOME/tasks.xml
            @($tasks | Out-String -Width 80; Import-Clixml $HOME/tasks.xml | Out-String -Width 80; $tasks | Start-Job { $input } | Receive-Job -Wait -AutoRemoveJob | Out-String -Width 80) -replace "[ \d]{3}[sm](?=   5 )", "  0s" | Group-Object | ForEach-Object { "$($_.Count) times the same" }'
        list      = 'Get-KlingVideoTask -Id 1 | Format-List'
        members   = '(Get-KlingVideoTask -Id 1).PSObject.Properties.Name | Sort-Object'
        cost      = 'Measure-KlingVideoCost *.*'
        calendar  = '
            $before = [cultureinfo]::CurrentCulture
            [cultureinfo]::CurrentCulture = "th-TH"
            try { (Measure-KlingVideoCost boat.webp | Out-String) -match "2026-11-26" } finally { [cultureinfo]::CurrentCulture = $before }'
        point     = '
            $before = [cultureinfo]::CurrentCulture
            [cultureinfo]::CurrentCulture = "de-DE"
            try { (Get-KlingModel kling/v3-turbo-image-to-video -Duration 3 -Resolution 1080p | Out-String) -match " 67\.5" } finally { [cultureinfo]::CurrentCulture = $before }'
        spend     = 'Get-KlingSpend'
        account   = 'Get-KlingAccount'
        task      = '(Get-KlingSandbox).Tasks | Select-Object -First 1'
        request   = '(Get-KlingSandbox).Requests | Where-Object Path -Like */jobs/createTask | Select-Object -First 1'
        narrow    = '(Get-KlingSandbox).Requests[0] | Format-Table | Out-String -Width 46'
        read      = '
            $request = (Get-KlingSandbox).Requests[0]
            $request | Export-Clixml $HOME/request.xml
            ($request | Out-String) -eq (Import-Clixml $HOME/request.xml | Out-String)'
        wide      = '
            Get-KlingVideoTask | Format-Wide -Column 3
            Get-KlingSandbox | Format-Wide
            Get-KlingConfiguration | Format-Wide'
        image     = 'Test-KlingImage boat.webp -Detailed'
        upload    = 'Send-KlingImage boat.webp'
        viewless  = '
            $null = Get-KlingSandbox
            $types = (Get-Command -Module KlingPS).OutputType.Type | Where-Object FullName -Like KlingPS.* | Sort-Object FullName -Unique
            $types | Where-Object { -not (Get-FormatData -TypeName $_.FullName) -or -not (Get-TypeData -TypeName $_.FullName).DefaultDisplayPropertySet } | ForEach-Object FullName'
        nameless  = '
            Get-TypeData KlingPS.*, Deserialized.KlingPS.* |
                Where-Object { $_.DefaultDisplayProperty -notin (($_.TypeName -replace "^Deserialized\.") -as [type]).GetProperties().Name } |
                ForEach-Object TypeName'
        keys      = '$sandbox, (Get-KlingAccount) | Format-List'
        sorted    = '
            $tasks = Get-KlingVideoTask
            ($tasks | Sort-Object -Descending).Id -join ","
            (Compare-Object $tasks ($tasks | Select-Object -First 2)).InputObject.Id'
        words     = '
            $sandbox.AddFault(@{ On = "Upload"; Kind = "Garbage"; Skip = 1000 })
            $json = @{ Tasks = Get-KlingVideoTask; Image = Test-KlingImage boat.webp -Detailed; Faults = $sandbox.Faults; Callback = Test-KlingCallback "{}" -HmacKey (ConvertTo-SecureString key -AsPlainText) -Detailed } | ConvertTo-Json -Depth 3 | ConvertFrom-Json
            $sandbox.ClearFaults()
            ($json.Tasks.State, $json.Image.Format, $json.Faults.On, $json.Faults.Kind, $json.Callback.Verdict).ForEach{ $_ } -join " "'
        states    = '
            $task = Get-KlingVideoTask -Id 1
            ($task.State -eq "succeeded"), ($task.State -in "Failed", "Succeeded"), ($task.State -eq [KlingPS.Core.Model.KlingTaskState]::Succeeded), ($task.State -like "Succ*")
            (Get-KlingVideoTask | Group-Object State).ForEach{ "$($_.Name) $($_.Count)" }
            (Get-KlingVideoTask | Where-Object State -EQ Unknown).Id
            (Get-KlingVideoTask | Sort-Object State).State -join " "
            (Get-KlingVideoTask | Sort-Object { [KlingPS.Core.Model.KlingTaskState] $_.State }).State -join " "
            (Get-KlingVideoTask -State $task.State, Failed).Id -join " "
            switch ($task.State) { Succeeded { "switched" } }'
        takenUp   = '
            $tasks = New-KlingVideoTask *.* -Prompt "they travel"
            $tasks | Export-Clixml $HOME/tasks.xml
            $job = $tasks | Start-Job { $input } | Receive-Job -Wait -AutoRemoveJob
            $json = $tasks | ConvertTo-Json | ConvertFrom-Json
            foreach ($travelled in (Import-Clixml $HOME/tasks.xml), $job, $json) {
                ($travelled | Wait-KlingVideoTask -PollingInterval 0.1 | Save-KlingVideo -Destination "travelled" -Force).Name | Sort-Object | Join-String -Separator " "
            }'
    }
    $scripts | ConvertTo-Json | Set-Content "$TestDrive/scripts.json"
    $null = Invoke-PrivateShell -Folder "$TestDrive/one" "$setup
        `$scripts = Get-Content '$TestDrive/scripts.json' -Raw | ConvertFrom-Json -AsHashtable
        `$shown = [ordered] @{}
        foreach (`$name in `$scripts.Keys) {
            `$shown[`$name] = & ([scriptblock]::Create(`$scripts[`$name])) 2>&1 | Out-String -Width 80
        }
        `$shown | ConvertTo-Json | Set-Content '$TestDrive/shown.json'"
    $shown = Get-Content "$TestDrive/shown.json" -Raw | ConvertFrom-Json -AsHashtable
    foreach ($name in @($shown.Keys)) {
        $shown[$name] = Format-Shown ($shown[$name] -split '\r?\n')
    }
}

Describe 'The table of tasks' {
    It 'fits 80 columns and shows how each stands, what it cost and where it is' {
        $shown.table | Should -Be @'
   Id State       Age Sec Source                 Credits Result
   -- -----       --- --- ------                 ------- ------
    1 Succeeded    Ns   5 boat.webp                   42 boat.mp4
    2 Failed       Ns   5 a lighthouse with a r…       0 internal error, please…
    3 Unknown      Ns   5 sunrise.jpg               (42) The request for a vide…
'@
    }

    It 'is the same for tasks from a file and from another process' {
        $shown.travelled | Should -Be '3 times the same'
    }

    It 'has colours where the shell has them, and none in a file or with NO_COLOR' {
        $colours = Invoke-PrivateShell -Folder "$TestDrive/colours" "$setup
            `$PSStyle.OutputRendering = 'Ansi'
            Get-KlingVideoTask | Out-String
            `$PSStyle.OutputRendering = 'Host'
            Get-KlingVideoTask | Out-File tasks.txt
            'in the file: ' + [regex]::Matches((Get-Content tasks.txt -Raw), '\x1b').Count"
        $colours = $colours -join "`n"
        $colours | Should -Match '\x1b\[32mSucceeded'
        $colours | Should -Match '\x1b\[31mFailed'
        $colours | Should -Match '\x1b\[33mUnknown'
        $colours | Should -Match 'in the file: 0'
        Show 'Get-KlingVideoTask' ($setup -replace '\$PSStyle.*\n') | Should -Not -Match '\x1b'
    }
}

Describe 'The list of a task' {
    It 'has everything' {
        $labels = [regex]::Matches($shown.list, '(?m)^(\w+) +:').ForEach{ $_.Groups[1].Value }
        $labels | Should -Be 'Id', 'TaskId', 'State', 'Model', 'Prompt', 'NegativePrompt', 'Duration', 'AspectRatio', 'Resolution', 'Sound', 'CfgScale', 'Take', 'SourcePath', 'SourceHash', 'ImageUri',
            'TailImagePath', 'TailImageUri', 'ReferenceImagePath', 'ReferenceImageUri', 'VideoPath', 'VideoUri', 'AudioPath', 'AudioUri', 'CharacterOrientation', 'Name', 'CallbackUri', 'ResultUri', 'CreatedAt', 'CompletedAt', 'ExpiresAt', 'CreditsReserved', 'CreditsConsumed',
            'FailCode', 'FailMessage', 'SavedPath', 'SavedHash', 'TakenAt', 'Replaces'
        $labels | Sort-Object | Should -Be ($shown.members -split "`n")
    }
}

Describe 'Text from outside' {
    It 'is shown with the numbers of the characters that a terminal would obey' {
        $views = Invoke-PrivateShell -Folder "$TestDrive/obeyed" "
            Set-Location '$folder'
            Import-Module '$stage/KlingPS.psd1'
            `$reason = 'a' + [char] 27 + '[2J' + [char] 0x202E + 'b'
            `$null = Start-KlingSandbox -GenerationTime 0 -Fault @{ On = 'Generate'; Kind = 'FailTask'; FailCode = '500'; FailMessage = `$reason } | Connect-KlingAccount
            `$null = New-KlingVideoTask boat.webp 'it moves' | Wait-KlingVideoTask -PollingInterval 0.1 -ErrorAction SilentlyContinue
            Get-KlingVideoTask | Format-List | Out-String
            Get-KlingVideoTask | Format-Table | Out-String -Width 200
            `$place = New-Item -Type Directory ('c' + [char] 27 + [char] 0x202E + 'd')
            `$null = ConvertTo-KlingVideo (Copy-Item boat.webp `$place -PassThru) -Prompt 'it moves on' -Destination `$place/videos -PollingInterval 0.1 -InformationVariable said 6>`$null
            Get-KlingSpend Folder | Format-List | Out-String
            `$said[-1].MessageData.Items | Format-List | Out-String
            Remove-Item -LiteralPath `$place -Recurse
            (Get-KlingVideoTask -State Failed).FailMessage -eq `$reason"
        $views = $views -join "`n"
        [regex]::Matches($views, 'a<U\+001B>\[2J<U\+202E>b').Count | Should -Be 2
        [regex]::Matches($views, 'c<U\+001B><U\+202E>d').Count | Should -Be 3 -Because 'it is a folder, and in two paths'
        $views | Should -Not -Match '\x1b\[2J|\u202e'
        $views | Should -Match 'True$'
    }
}

Describe 'Other objects' {
    It 'are shown as <Command>' -ForEach @(
        @{ Command = 'Measure-KlingVideoCost *.*'; Name = 'cost'; Expected = @'
   Count  Seconds      Credits      Dollars   PriceAsOf
   -----  -------      -------      -------   ---------
       3       15          126         0.63  DATE
'@ }
        @{ Command = 'Get-KlingSpend'; Name = 'spend'; Expected = @'
Group                  Videos Failures  Open  Consumed Reserved Dollars  Balance
-----                  ------ --------  ----  -------- -------- -------  -------
DATE                  1        1     1        42       42    0.21
'@ }
        @{ Command = 'Get-KlingAccount'; Name = 'account'; Expected = @'
Endpoint       : http://HOST/
UploadEndpoint : http://HOST/
KeySource      : parameter -ApiKey
Fingerprint    : XXXX
IsSandbox      : True
Credits        : 9916.0
'@ }
        @{ Command = '(Get-KlingSandbox).Tasks | Select-Object -First 1'; Name = 'task'; Expected = @'
TaskId                           State      Sec Credits Queries Prompt
------                           -----      --- ------- ------- ------
XXXX                             success      5    42.0       N it moves
'@ }
        @{ Command = '(Get-KlingSandbox).Requests | Where-Object Path -Like */jobs/createTask | Select-Object -First 1'; Name = 'request'; Expected = @'
Time         Method Status  Code Path
----         ------ ------  ---- ----
TIME POST      200   200 /api/v1/jobs/createTask
'@ }
        @{ Command = 'Test-KlingImage boat.webp -Detailed'; Name = 'image'; Expected = @'
Path        : FOLDER/boat.webp
IsSupported : True
Format      : WebP
MimeType    : image/webp
Length      : 6150
Width       : 640
Height      : 360
Problems    : {}
Warnings    : {}
'@ }
        @{ Command = 'Send-KlingImage boat.webp'; Name = 'upload'; Expected = @'
Source                       Length Reused ImageUri
------                       ------ ------ --------
boat.webp                      6150 True   http://HOST/kieai/100001/…
'@ }
    ) {
        $text = $shown[$Name] -replace '(?<=Fingerprint    : )\w+', 'XXXX' -replace '(?m)^[0-9a-f]{32}', 'XXXX                            ' -replace '\d+(?= it moves)', 'N' -replace '(?m)^\d\d:\d\d:\d\d\.\d{3}', 'TIME' -replace '\d{4}-\d\d-\d\d', 'DATE'
        $text.Replace($folder, 'FOLDER') | Should -Be $Expected
    }

    It 'have a view and default properties each, whatever cmdlet emits them' {
        $shown.viewless | Should -BeNullOrEmpty -Because 'views are in KlingPS.Format.ps1xml and default properties in KlingPS.Types.ps1xml'
    }

    It 'have a name each for Format-Wide' {
        $shown.nameless | Should -BeNullOrEmpty
        $shown.wide | Should -Match '(?s)1 +2 +3.*http://HOST/.*/.+'
        $shown.wide | Should -Not -Match 'SecureString|KlingApiKey'
    }

    It 'keep their numbers whole where there is little room' {
        $shown.narrow | Should -Match '(?m) 200   200 /api/'
    }

    It 'show the day of a price alike, whatever the calendar of the culture' {
        $shown.calendar | Should -Be 'True'
    }

    It 'show credits alike, whatever the culture writes for a decimal point' {
        $shown.point | Should -Be 'True'
    }

    It 'show the time of a request that was read from a file' {
        $shown.read | Should -Be 'True'
    }

    It 'are loaded where commands of the user are called like those of PowerShell, and where no module is loaded by itself' {
        Show -Preparation "Import-Module '$stage/KlingPS.psd1'" '
            function Update-TypeData { throw "not this one" }
            function Update-FormatData { throw "nor this one" }
            $PSModuleAutoLoadingPreference = "None"
            $models = Get-KlingModel
            $PSModuleAutoLoadingPreference = "All"
            [bool] (Get-FormatData -TypeName $models[0].GetType().FullName)
            [bool] (Get-TypeData -TypeName $models[0].GetType().FullName).DefaultDisplayPropertySet' | Should -Be "True`nTrue"
    }

    It 'are loaded for the first object that has one, be it in an error, and not for videos, which are files' {
        Show '
            $env:KLINGPS_ENDPOINT, $env:KLINGPS_UPLOAD_ENDPOINT = $sandbox.Endpoint, $sandbox.UploadEndpoint
            $env:KIE_API_KEY = [Net.NetworkCredential]::new("", $sandbox.ApiKey).Password
            $other = [powershell]::Create()
            $other.AddScript({
                param($module, $folder, $failed)
                Import-Module $module
                $type = "KlingPS.Core.Model.KlingVideoTask"
                (Save-KlingVideo -Id 1 -Destination $folder).Name
                [bool] (Get-FormatData -TypeName $type)
                $failed | Save-KlingVideo -Destination $folder -ErrorAction SilentlyContinue -ErrorVariable problem
                $problem.TargetObject.GetType().FullName -eq $type
                [bool] (Get-FormatData -TypeName $type)
            }).AddArgument((Get-Module KlingPS).ModuleBase + "/KlingPS.psd1").AddArgument("$PWD/$(New-Guid)").AddArgument((Get-KlingVideoTask -State Failed)).Invoke()
            "$($other.Streams.Error)"' | Should -Be "boat.mp4`nFalse`nTrue`nTrue"
    }

    It 'never show the key' {
        $shown.keys | Should -Match 'KeySource'
        $shown.keys | Should -Not -Match 'ApiKey\s*:'
    }
}

Describe 'Objects that travel' {
    It 'are taken up by Wait and Save when they come back' {
        $shown.takenUp | Should -Be ((@('a lighthouse with a rather long name.mp4 boat.mp4 sunrise.mp4') * 3) -join "`n")
    }

    It 'have words and no numbers in JSON for what is one of several' {
        $shown.words | Should -Be 'Succeeded Failed Unknown WebP Upload Garbage SignatureMissing'
    }

    It 'are found, grouped and sorted by their state' {
        $shown.states | Should -Be (@('True', 'True', 'True', 'True', 'Failed 1', 'Succeeded 1', 'Unknown 1', '3', 'Failed Succeeded Unknown', 'Unknown Succeeded Failed', '1 2', 'switched') -join "`n")
    }

    It 'sort and compare by their number' {
        $shown.sorted | Should -Be "3,2,1`n3"
    }
}
