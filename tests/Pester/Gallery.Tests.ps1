# The page of a gallery and the choice that comes back, with the commands of a real shell.

Describe 'A gallery' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"

        $answer = Invoke-PrivateShell -Folder "$TestDrive/home" "
            `$ErrorActionPreference = 'Stop'
            `$ProgressPreference = 'SilentlyContinue'
            Import-Module '$module'
            Set-Location (New-Item -ItemType Directory '$TestDrive/work')
            Copy-Item '$images/lighthouse.png' 'a [1] #2 50%.png'
            Copy-Item '$images/boat.webp' .
            Copy-Item '$images/sunrise.jpg' .
            `$env:KLINGPS_LEDGER = '$TestDrive/work/ledger.db'
            `$env:KLINGPS_CONFIG = '$TestDrive/work/config.json'
            `$env:KIE_API_KEY = `$null
            Start-KlingSandbox -GenerationTime 0 | Connect-KlingAccount | Out-Null
            Get-ChildItem -File *.png, *.webp, *.jpg | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination v -PollingInterval 0.1 6> `$null | Out-Null
            Get-ChildItem v | Export-KlingGallery gallery.html | Out-Null
            `$null = (Get-Content gallery.html -Raw) -match '(?s)id=`"gallery-data`">(.*?)</script>'
            `$data = `$Matches[1] | ConvertFrom-Json
            `$words = 'Picked', 'Rejected', `$null
            `$number = 0
            @{
                format = 'KlingPS gallery choice'; version = 1; gallery = `$data.gallery; place = `$data.place
                choices = @(`$data.items | ForEach-Object { @{ key = `$_.key; name = `$_.name; choice = `$words[`$number % 3]; rating = `$number++; note = 'a note' } })
            } | ConvertTo-Json -Depth 4 | Set-Content gallery.choice.json
            Import-KlingGalleryChoice gallery.choice.json | Where-Object Choice -EQ Picked | Copy-Item -Destination (New-Item -ItemType Directory keep)
            Import-KlingGalleryChoice *.choice.json | Where-Object Choice -EQ Rejected | ConvertTo-KlingVideo -Take { `$_.NextTake } -Destination v -PollingInterval 0.1 6> `$null | Out-Null
            Import-KlingGalleryChoice gallery.choice.json | Export-KlingGallery gallery.html -Force | Out-Null
            Invoke-Expression (Export-KlingGallery again.html | ForEach-Object {
                `$null = (Get-Content `$_ -Raw) -match '(?s)id=`"gallery-data`">(.*?)</script>'
                `$item = (`$Matches[1] | ConvertFrom-Json).items | Where-Object name -Like 'a *'
                (`$item.again | ForEach-Object { if (`$_ -eq 0) { 'It moves.' } else { `$_ } }) -join ''
            }) 6> `$null | Out-Null
            @{
                Names = @(`$data.items.name)
                Kept = @(Get-ChildItem keep -Name)
                Videos = @(Get-ChildItem v -Name)
                Bought = (Get-KlingSandbox).CreatesAccepted
                Choices = @(Import-KlingGalleryChoice gallery.choice.json | ForEach-Object Choice)
                View = Import-KlingGalleryChoice gallery.choice.json | Out-String -Width 80
                Page = Select-String -LiteralPath gallery.html -Pattern '`"choice`":`"\w+`"' -AllMatches | ForEach-Object { `$_.Matches.Value }
            } | ConvertTo-Json
            Disconnect-KlingAccount
        " | ConvertFrom-Json
    }

    It 'shows the videos of a folder' {
        $answer.Names | Should -Be @('a [1] #2 50%.png', 'boat.webp', 'sunrise.jpg')
    }

    It 'hands the choice back to commands that take files' {
        $answer.Choices | Should -Be @('Picked', 'Rejected', 'None')
        $answer.Kept | Should -Be 'a [1] #2 50%.mp4'
    }

    It 'hands the choice back to commands that make videos, and so does the line it shows' {
        $answer.Videos | Should -Be @('a [1] #2 50%-2.mp4', 'a [1] #2 50%.mp4', 'boat-2.mp4', 'boat.mp4', 'sunrise.mp4')
        $answer.Bought | Should -Be 5
    }

    It 'shows the choice again' {
        $answer.Page | Should -Be @('"choice":"Picked"', '"choice":"Rejected"')
    }

    It 'has a view for what was chosen' {
        $answer.View | Should -BeLike '*Choice*Rating*Source*Note*'
        $answer.View | Should -BeLike '*Rejected*1*boat.webp*a note*'
    }
}
