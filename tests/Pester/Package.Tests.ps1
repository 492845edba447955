# The package: what is in it, and that it can be installed in both ways there are.

BeforeDiscovery {
    # PowerShell 7.4 may come with a PSResourceGet that cannot pack yet.
    $cannotPack = if (-not (Get-Command Compress-PSResource -ErrorAction Ignore)) { ' (skipped: there is no Compress-PSResource)' }

    # Folders of a user that the system names cannot be replaced by variables on Windows, and a test must not install into them.
    $onWindows = if ($IsWindows) { ' (skipped: on Windows the folder of a user''s modules cannot be replaced)' }
}

Describe "The package$cannotPack" -Skip:([bool]$cannotPack) {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"

        $package = & "$root/build.ps1" -Task Package -NoBuild
        $zip = [IO.Compression.ZipFile]::OpenRead($package.FullName)
        $nuspec = [IO.StreamReader]::new($zip.GetEntry('KlingPS.nuspec').Open()).ReadToEnd()
        $metadata = ([xml]$nuspec).package.metadata

        # One video from the sandbox: needs the module, its dependencies, and the native library of this platform.
        $use = "
            `$null = Connect-KlingAccount -Sandbox
            `$video = New-KlingVideoTask '$images/boat.webp' 'the boat rocks' | Wait-KlingVideoTask -PollingInterval 0.2 | Save-KlingVideo -Destination '$TestDrive/videos' -Force
            `$video.Name
            (Get-Module KlingPS).ModuleBase
            (Get-Help Save-KlingVideo).Synopsis"
    }

    AfterAll {
        $zip.Dispose()
    }

    It 'holds these files and no others' {
        $expected = @(
            'CHANGELOG.md'
            'KlingPS.Format.ps1xml'
            'KlingPS.Log.schema.json'
            'KlingPS.Plan.schema.json'
            'KlingPS.Report.schema.json'
            'KlingPS.Types.ps1xml'
            'KlingPS.nuspec'
            'KlingPS.psd1'
            'LICENSE'
            'THIRD-PARTY-NOTICES.txt'
            '[Content_Types].xml'
            '_rels/.rels'
            'bin/KlingPS.Core.dll'
            'bin/KlingPS.Sandbox.dll'
            'bin/KlingPS.dll'
            'bin/dependencies/KlingPS.Dependencies.deps.json'
            'bin/dependencies/KlingPS.Dependencies.dll'
            'bin/dependencies/Microsoft.Data.Sqlite.dll'
            'bin/dependencies/Microsoft.Extensions.DependencyInjection.Abstractions.dll'
            'bin/dependencies/Microsoft.Extensions.Logging.Abstractions.dll'
            'bin/dependencies/Npgsql.dll'
            'bin/dependencies/SQLitePCLRaw.batteries_v2.dll'
            'bin/dependencies/SQLitePCLRaw.core.dll'
            'bin/dependencies/SQLitePCLRaw.provider.e_sqlite3.dll'
            'bin/dependencies/System.Diagnostics.DiagnosticSource.dll'
            'bin/dependencies/runtimes/linux-arm64/native/libe_sqlite3.so'
            'bin/dependencies/runtimes/linux-musl-arm64/native/libe_sqlite3.so'
            'bin/dependencies/runtimes/linux-musl-x64/native/libe_sqlite3.so'
            'bin/dependencies/runtimes/linux-x64/native/libe_sqlite3.so'
            'bin/dependencies/runtimes/osx-arm64/native/libe_sqlite3.dylib'
            'bin/dependencies/runtimes/osx-x64/native/libe_sqlite3.dylib'
            'bin/dependencies/runtimes/win-arm64/native/e_sqlite3.dll'
            'bin/dependencies/runtimes/win-x64/native/e_sqlite3.dll'
            foreach ($platform in (Get-ChildItem "$stage/bin/net10.0" -Directory -ErrorAction Ignore).Name) {
                $platform | Should -BeIn 'linux-arm64', 'linux-x64', 'osx-arm64', 'win-x64'
                "bin/net10.0/$platform/KlingPS.Core.dll"
                "bin/net10.0/$platform/Microsoft.Data.Sqlite.dll"
                "bin/net10.0/$platform/SQLitePCLRaw.batteries_v2.dll"
                "bin/net10.0/$platform/SQLitePCLRaw.core.dll"
                "bin/net10.0/$platform/SQLitePCLRaw.provider.e_sqlite3.dll"
            }
            'en-US/KlingPS.dll-Help.xml'
            Get-ChildItem "$root/docs/en-US/about_*.md" | ForEach-Object { "en-US/$($_.BaseName).help.txt" }
            'icon.png'
            'package/services/metadata/core-properties/NAME.psmdcp'
        )
        # The name of that last file is made up anew for each package.
        $zip.Entries.FullName -replace '[^/]+(?=\.psmdcp$)', 'NAME' | Sort-Object | Should -Be ($expected | Sort-Object)
    }

    It 'says what it is' {
        $metadata.id | Should -BeExactly 'KlingPS'
        $metadata.version | Should -Be $version
        $metadata.description | Should -Match 'paid for at most once'
        $metadata.releaseNotes | Should -Match 'CHANGELOG.md'
        $metadata.licenseUrl | Should -Be 'https://opensource.org/license/mit'
        -split $metadata.tags | Should -Contain 'PSModule'
        -split $metadata.tags | Should -Contain 'PSEdition_Core'
        -split $metadata.tags | Should -Contain 'ImageToVideo'
    }

    It 'has its icon inside, a PNG' {
        $metadata.icon | Should -Be 'icon.png'
        $bytes = [byte[]]::new(8)
        $stream = $zip.GetEntry('icon.png').Open()
        $stream.ReadExactly($bytes, 0, 8)
        $bytes | Should -Be 0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A
    }

    It "is installed from a local repository by Install-PSResource$onWindows" -Skip:([bool]$onWindows) {
        $user = "$TestDrive/installed"
        $null = New-Item "$user/repository" -ItemType Directory
        Copy-Item $package "$user/repository"
        Invoke-PrivateShell -Folder $user -ModulePath "$user/.local/share/powershell/Modules" "
            Register-PSResourceRepository -Name Local -Uri '$user/repository' -Trusted
            Install-PSResource KlingPS -Repository Local
            $use" | Should -Be 'boat.mp4', "$user/.local/share/powershell/Modules/KlingPS/$version", 'Downloads the videos of finished tasks.'
    }

    It 'is installed by a plain unzip into a module path' {
        $user = "$TestDrive/unzipped"
        $folder = Join-Path $user 'Modules' 'KlingPS' $version
        $null = New-Item $folder -ItemType Directory
        [IO.Compression.ZipFile]::ExtractToDirectory($package.FullName, $folder)
        Invoke-PrivateShell -Folder $user -ModulePath "$user/Modules" $use | Should -Be 'boat.mp4', $folder, 'Downloads the videos of finished tasks.'
    }
}
