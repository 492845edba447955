# The sample that README begins with.

Describe 'The quickstart' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"
        $folder = "$TestDrive/with blank [1] ü"
        $runs = 1..2 | ForEach-Object {
            Wait-Shell (Start-PrivateShell -Folder "$TestDrive/home" "& '$root/samples/Quickstart.ps1' -Destination '$folder'")
        }
    }

    It 'makes a video of each sample image, and says what the sandbox charged' {
        $runs[0].Errors | Should -BeNullOrEmpty
        $runs[0].ExitCode | Should -Be 0
        $runs[0].Output | Should -Match 'accepted 3 of 3 tasks and charged 126'
    }

    It 'says where the videos are, however long the path is' {
        $runs[0].Output | Should -Match ([regex]::Escape("The videos are in $((Get-Item -LiteralPath $folder).FullName)."))
    }

    It 'run again replaces its videos and leaves no others' {
        $runs[1].Errors | Should -BeNullOrEmpty
        $runs[1].Output | Should -Match 'accepted 3 of 3 tasks'
        (Get-ChildItem -LiteralPath $folder -Force).Name | Sort-Object | Should -Be 'boat.mp4', 'lighthouse.mp4', 'sunrise.mp4'
    }

    It 'records nothing among the tasks of the user' {
        "$TestDrive/home/ledger.db" | Should -Not -Exist
    }
}
