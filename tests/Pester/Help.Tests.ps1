# Get-Help on the staged module, and every example in it.

BeforeDiscovery {
    $root = (Resolve-Path "$PSScriptRoot/../..").Path

    # What an example is reported to meet.
    $expected = @{
        'Start-KlingSandbox 2' = 'KlingAttemptUnknown'
        # It asks for the key, and says so when there is nobody to ask.
        'Set-KlingApiKey 1' = 'KlingApiKeyMissing'
    }

    # Examples that cannot run here, and why. They are shown as skipped.
    $notRun = @{
        'Copy-KlingLedger 1' = 'There is no database server.'
        'Copy-KlingLedger 2' = 'There is no database server.'
    }

    $pages = Get-ChildItem "$root/docs/en-US/*-*.md"
    $cmdlets = @($pages.BaseName)
    $examples = foreach ($page in $pages) {
        $number = 0
        foreach ($match in [regex]::Matches((Get-Content $page -Raw), '(?ms)^### (?<title>Example \d.*?)$.*?^```powershell\n(?<code>.*?)^```')) {
            $number++
            $key = "$($page.BaseName) $number"
            @{ Cmdlet = $page.BaseName; Number = $number; Title = $match.Groups['title'].Value; Code = $match.Groups['code'].Value; Expected = $expected[$key]; Reason = $notRun[$key] }
        }
    }
    $topics = @(Get-ChildItem "$root/docs/en-US/about_*.md" | ForEach-Object BaseName)
}

Describe 'The examples of the help' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"
        $list = "$TestDrive/examples.json"
        $all = foreach ($page in Get-ChildItem "$root/docs/en-US/*-*.md") {
            $number = 0
            foreach ($match in [regex]::Matches((Get-Content $page -Raw), '(?ms)^### Example \d.*?^```powershell\n(?<code>.*?)^```')) {
                $number++
                @{ Cmdlet = $page.BaseName; Number = $number; Code = $match.Groups['code'].Value }
            }
        }
        ConvertTo-Json @($all) | Set-Content $list

        # One after the other in one shell, which compiles the module once. The other files have the second processor meanwhile.
        $shell = Start-PrivateShell -Folder "$TestDrive/home" "& '$PSScriptRoot/ExampleRunner.ps1' '$module' '$images' (Get-Content '$list' -Raw | ConvertFrom-Json)"
        $results = (Wait-Shell $shell).Output | ConvertFrom-Json
    }

    It '<Cmdlet>: <Title>' -ForEach $examples {
        if ($Reason) {
            Set-ItResult -Skipped -Because $Reason
        }

        $result = $results | Where-Object { $_.Cmdlet -eq $Cmdlet -and $_.Number -eq $Number }
        $result | Should -Not -BeNullOrEmpty
        if ($Expected) {
            $result.Errors | Should -HaveCount 1
            $result.Errors | Should -BeLike "$Expected*"
        }
        else {
            $result.Errors | Should -BeNullOrEmpty
        }
    }
}

Describe 'Get-Help' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"
        $answers = "$TestDrive/answers.xml"
        $null = Invoke-PrivateShell -Folder "$TestDrive/home" "
            Import-Module '$stage/KlingPS.psd1'
            `$answers = @{}
            foreach (`$cmdlet in (Get-Command -Module KlingPS).Name) {
                `$parameters = (Get-Command `$cmdlet).Parameters.Values.Name | Where-Object { `$_ -notin [Management.Automation.Cmdlet]::CommonParameters }
                `$help = Get-Help `$cmdlet
                `$described = Get-Help `$cmdlet -Parameter *
                `$answers[`$cmdlet] = @{
                    Full = Get-Help `$cmdlet -Full | Out-String -Width 120
                    Examples = Get-Help `$cmdlet -Examples | Out-String -Width 120
                    Count = @(`$help.examples.example).Count
                    Names = @(`$parameters)
                    Parameters = @(`$described | Where-Object name -In `$parameters | ForEach-Object { `$_.description.Text -join ' ' })
                    Link = @(`$help.relatedLinks.navigationLink)[0].uri
                }
            }
            foreach (`$topic in (Get-ChildItem '$stage/en-US/about_*').Name -replace '\.help\.txt') {
                `$answers[`$topic] = Get-Help `$topic | Out-String
            }
            `$answers['-Parameter Duration'] = Get-Help New-KlingVideoTask -Parameter Duration | Out-String
            `$answers['-Online'] = try { Get-Help New-KlingVideoTask -Online } catch { `$_.FullyQualifiedErrorId }
            `$answers | Export-Clixml '$answers' -Depth 5"
        $answers = Import-Clixml $answers
        $projectUri = (Import-PowerShellDataFile "$root/KlingPS.psd1").PrivateData.PSData.ProjectUri
    }

    It 'explains <_> in full, with examples and every parameter' -ForEach $cmdlets {
        $answer = $answers[$_]
        $answer.Full | Should -Match '(?s)NAME.*SYNOPSIS.*SYNTAX.*DESCRIPTION.*PARAMETERS.*INPUTS.*OUTPUTS.*NOTES.*EXAMPLE.*RELATED LINKS'
        $answer.Examples | Should -Match 'Example 1'
        $answer.Count | Should -BeGreaterOrEqual 2
        @($answer.Parameters) | Should -HaveCount @($answer.Names).Count
        $answer.Parameters | ForEach-Object { $_.Length | Should -BeGreaterThan 10 }
    }

    It 'tells of one parameter its values, default and unit' {
        $answers['-Parameter Duration'] | Should -Match '(?s)-Duration.*seconds: 5 or 10.*Required\?\s+false.*Position\?\s+named.*ByPropertyName'
    }

    It 'explains <_>' -ForEach $topics {
        $answers[$_] | Should -Match "(?s)TOPIC\s+$_\s+SHORT DESCRIPTION"
    }

    It '-Online opens the page of the project, or says that there is none as long as the project has no address' {
        if ($projectUri) {
            $answers['New-KlingVideoTask'].Link | Should -Be "$projectUri/blob/main/docs/en-US/New-KlingVideoTask.md"
        }
        else {
            $answers['-Online'] | Should -BeLike 'InvalidOperation,*GetHelpCommand'
        }
    }
}
