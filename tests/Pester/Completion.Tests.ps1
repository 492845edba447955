# What the Tab key does in a real shell, and what it must not do.

BeforeDiscovery {
    $onWindows = if ($IsWindows) { ' (skipped: on Windows the folder of a user''s modules cannot be replaced)' }
}

BeforeAll {
    . "$PSScriptRoot/Shells.ps1"

    # A stand-in for SecretManagement, where a module goes before one of that name that may be installed for all users.
    $name = 'Microsoft.PowerShell.SecretManagement'
    $secrets = Join-Path $TestDrive 'home' '.local/share/powershell/Modules' $name '99.0'
    $null = New-Item $secrets -ItemType Directory
    Set-Content "$secrets/$name.psd1" "@{ RootModule = '$name.psm1'; ModuleVersion = '99.0'; FunctionsToExport = 'Get-SecretInfo', 'Get-SecretVault' }"
    Set-Content "$secrets/$name.psm1" @'
function Get-SecretInfo([string] $Name, [string] $Vault) {
    [pscustomobject]@{ Name = 'KlingApiKey'; VaultName = 'Local' }, [pscustomobject]@{ Name = "the team's key"; VaultName = 'Remote' } |
        Where-Object { $_.Name -like $Name -and (-not $Vault -or $_.VaultName -eq $Vault) }
}
function Get-SecretVault([string] $Name) {
    if ($env:SILENT) { [Threading.Thread]::Sleep(10000); [AppDomain]::CurrentDomain.SetData('answered', $true) }
    if ($env:LOCKED) { throw 'The vault is locked.' }
    [pscustomobject]@{ Name = 'Local'; ModuleName = 'SomeStore' } | Where-Object Name -like $Name
}
'@
    # Completes lines, one after the other in one shell, and emits for each of them what was offered.
    function Complete([string[]] $Line, [string] $Before = '', [string] $Folder = "$TestDrive/home") {
        $quoted = $Line | ForEach-Object { "'$($_.Replace("'", "''"))'" }
        Invoke-PrivateShell -Folder $Folder "
            Import-Module '$stage/KlingPS.psd1'
            $Before
            foreach (`$line in $($quoted -join ', ')) {
                ((TabExpansion2 `$line).CompletionMatches | Where-Object ResultType -EQ ParameterValue | ForEach-Object CompletionText) -join '; '
            }
            `$Error | ForEach-Object ToString"
    }

    # A vault that needs ten seconds to answer, and keeps the shell from ending for as long.
    $silent = Start-PrivateShell -Folder "$TestDrive/home" "
        Import-Module '$stage/KlingPS.psd1'
        `$env:SILENT = 1
        (TabExpansion2 'Connect-KlingAccount -Vault ').CompletionMatches | Where-Object ResultType -EQ ParameterValue
        'answered: ' + [AppDomain]::CurrentDomain.GetData('answered')"
}

Describe 'Completion' {
    It "of secrets and vaults asks SecretManagement$onWindows" -Skip:([bool]$onWindows) {
        Complete 'Connect-KlingAccount -SecretName ', 'Connect-KlingAccount -SecretName k', 'Connect-KlingAccount -Vault Remote -SecretName ', 'Connect-KlingAccount -SecretName k -Vault ' |
            Should -Be "KlingApiKey; 'the team''s key'", 'KlingApiKey', "'the team''s key'", 'Local'
    }

    It 'of secrets is silent where there are none, and where a vault is locked' {
        Complete 'Connect-KlingAccount -SecretName ' -Folder "$TestDrive/other" | Should -BeNullOrEmpty
        Complete 'Connect-KlingAccount -Vault ' -Before '$env:LOCKED = 1' | Should -BeNullOrEmpty
    }

    It "of secrets does not wait for a vault that does not answer$onWindows" -Skip:([bool]$onWindows) {
        (Wait-Shell $silent).Lines | Should -Be 'answered: '
    }

    It 'of tasks makes no ledger, finds no key and starts nothing' {
        Complete 'Wait-KlingVideoTask -Id ' | Should -BeNullOrEmpty
        Complete 'Wait-KlingVideoTask -TaskId ' -Before '$env:KIE_API_KEY = "k"' | Should -BeNullOrEmpty
        "$TestDrive/home/ledger.db" | Should -Not -Exist
    }

    It 'of tasks is silent when the ledger or the configuration is broken' {
        Set-Content "$TestDrive/home/ledger.db" 'no database'
        Complete 'Wait-KlingVideoTask -Id ' | Should -BeNullOrEmpty
        "$TestDrive/home/ledger.db" | Should -FileContentMatch 'no database'
        Set-Content "$TestDrive/home/config.json" '{'
        Complete 'Wait-KlingVideoTask -Id ' -Before '$env:KLINGPS_LEDGER = $null' | Should -BeNullOrEmpty
        Remove-Item "$TestDrive/home/ledger.db", "$TestDrive/home/config.json"
    }

    It 'of tasks works in a new shell that is not connected' {
        Complete 'Wait-KlingVideoTask -Id ' -Before "`$null = Connect-KlingAccount -Sandbox; `$null = New-KlingVideoTask '$images/boat.webp' 'for the Tab key'; Disconnect-KlingAccount" | Should -Be '1'
        Complete 'Save-KlingVideo -Id ' | Should -Be '1'
    }
}
