# The real SecretManagement and SecretStore, in a home of their own, so that the user's vaults are not touched.

BeforeDiscovery {
    $missing = if ($IsWindows) {
        ' (skipped: on Windows the store cannot be moved away from the user''s own)'
    }
    elseif ('Microsoft.PowerShell.SecretManagement', 'Microsoft.PowerShell.SecretStore' | Where-Object { -not (Get-Module $_ -ListAvailable) }) {
        ' (skipped: Microsoft.PowerShell.SecretManagement and Microsoft.PowerShell.SecretStore are not both installed)'
    }
}

Describe "Keys in the real SecretStore$missing" -Skip:([bool]$missing) {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"
        $place = [IO.Directory]::CreateTempSubdirectory('klingps-home-').FullName
        $unlock = 'Unlock-SecretVault -Name Store -Password (ConvertTo-SecureString opensesame -AsPlainText -Force)'
        $key = '(ConvertTo-SecureString 0123456789abcdef0123456789abcdef -AsPlainText -Force)'

        # Where the key came from, or what the error says; the last line proves that the script was not ended at a prompt.
        function Get-Source([string] $Arguments, [string] $Before = '', [hashtable] $Environment = @{}) {
            $job = Invoke-Job -Place $place -Environment $Environment "$Before`ntry { (Connect-KlingAccount -SkipVerification $Arguments).KeySource } catch { `"`$(`$_.FullyQualifiedErrorId) `$_`" }`n'the end'"
            $job.Lines[-1] | Should -Be 'the end'
            $job.ExitCode | Should -Be 0
            $job.Output | Should -Not -Match 'Enter password'
            ($job.Lines | Select-Object -SkipLast 1) -join "`n"
        }

        $setup = Invoke-Job -Place $place "Reset-SecretStore -Authentication Password -Interaction None -Password (ConvertTo-SecureString opensesame -AsPlainText -Force) -Force -WarningAction SilentlyContinue`nRegister-SecretVault -Name Store -ModuleName Microsoft.PowerShell.SecretStore -DefaultVault`n$unlock`nSet-KlingApiKey $key -SkipVerification`nSet-Secret Text 'a-text-of-a-key'`nSet-Secret Pair ([pscredential]::new('name', $key))`nSet-Secret Bytes ([byte[]](1, 2))"
        $setup.Errors | Should -BeNullOrEmpty
    }

    AfterAll {
        if ($place) {
            Remove-Item $place -Recurse -Force
        }
    }

    It 'are found by "<Arguments>"' -ForEach @(
        @{ Arguments = ''; Source = 'secret KlingApiKey' }
        @{ Arguments = '-Vault Store'; Source = 'secret KlingApiKey in vault Store' }
        @{ Arguments = '-SecretName Text'; Source = 'secret Text' }
        @{ Arguments = '-SecretName Pair -Vault Store'; Source = 'secret Pair in vault Store' }
    ) {
        Get-Source $Arguments -Before $unlock | Should -Be $Source
    }

    It 'are an error for "<Arguments>" that says "<Text>"' -ForEach @(
        @{ Arguments = '-SecretName Bytes'; Text = "*the secret 'Bytes'*is not a valid key*" }
        @{ Arguments = '-SecretName None'; Text = "*No registered vault has a secret 'None'*Set-KlingApiKey -SecretName 'None'*" }
        @{ Arguments = '-SecretName None -Vault Store'; Text = "*The vault 'Store' has no secret 'None'*" }
        @{ Arguments = '-Vault None'; Text = "*No vault 'None' is registered*Get-SecretVault*" }
    ) {
        $said = Get-Source $Arguments -Before $unlock
        $said | Should -BeLike 'KlingApiKeyMissing*'
        $said | Should -BeLike $Text
    }

    It 'in a locked vault are an error with the command that unlocks it' {
        Get-Source '-Vault Store' | Should -BeLike "KlingApiKeyMissing*The vault 'Store' is locked*Unlock-SecretVault -Name 'Store'*"
        Get-Source '' | Should -BeLike "KlingApiKeyMissing*The vault 'Store' is locked*"
    }

    It 'in a locked vault give way to KIE_API_KEY' {
        Get-Source '' -Environment @{ KIE_API_KEY = 'a-key-of-the-environment' } | Should -Be 'environment variable KIE_API_KEY'
    }

    It 'in a vault that would ask for its password are an error and no prompt' {
        (Invoke-Job -Place $place "$unlock`nSet-SecretStoreConfiguration -Interaction Prompt -Confirm:`$false").Errors | Should -BeNullOrEmpty
        Get-Source '' | Should -BeLike "KlingApiKeyMissing*The vault 'Store' needs a password*not interactive*Unlock-SecretVault -Name 'Store'*"
        (Invoke-Job -Place $place "try { Set-KlingApiKey $key -SkipVerification } catch { `"`$_`" }").Output |
            Should -BeLike 'The key was not stored*needs a password*'
        Get-Source '' -Before $unlock | Should -Be 'secret KlingApiKey'
    }

    It 'cannot be read without SecretManagement, and the error says how to get it' {
        $job = Invoke-Job -Place $place -WithoutVaultModules "try { Connect-KlingAccount -SecretName KlingApiKey } catch { `"`$_`" }"
        $job.Output | Should -BeLike '*Microsoft.PowerShell.SecretManagement is not installed*Install-PSResource*'
    }

    It 'need a vault, and the error says how to register one' {
        $job = Invoke-Job -Place $place "Unregister-SecretVault -Name Store`ntry { Set-KlingApiKey $key } catch { `"`$_`" }`ntry { Get-KlingAccount } catch { `"`$_`" }`nRegister-SecretVault -Name Store -ModuleName Microsoft.PowerShell.SecretStore"
        $job.Lines | Should -HaveCount 2
        $job.Lines | Should -BeLike '*No vault is registered*Register-SecretVault*'
    }
}
