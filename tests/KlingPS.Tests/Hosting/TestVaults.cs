using System.Collections;

namespace KlingPS.Tests.Hosting;

/// <summary>
/// A module that is called, and is called as, Microsoft.PowerShell.SecretManagement: the parameters, error ids and kinds of
/// errors were taken from version 1.1.2.
/// </summary>
internal sealed class TestVaults
{
    private const string Module = """
        param([hashtable] $Vaults)

        # A vault is a hashtable of secrets, or says in a word what is wrong with it.
        function Open([string] $Name, $Command) {
            $content = $Vaults[$Name]
            if ($content -is [hashtable]) { return $content }
            if ($content -eq 'Asks') {
                $Host.UI.WriteLine("Vault $Name requires a password.")
                try { $null = $Host.UI.ReadLineAsSecureString() } catch { }
            }
            $inner = if ($content -eq 'Broken') { [InvalidOperationException]::new('The disk of the vault is on fire.') } else { [KlingPS.Tests.Hosting.PasswordRequiredException]::new() }
            $Command.ThrowTerminatingError([Management.Automation.ErrorRecord]::new($inner, 'GetSecretException', 'InvalidOperation', $null))
        }

        function RequireVault($Vault, $Command) {
            if ($Vault -and -not $Vaults.ContainsKey($Vault)) {
                $Command.ThrowTerminatingError([Management.Automation.ErrorRecord]::new([Management.Automation.PSInvalidOperationException]::new("Vault not found in registry: $Vault"), 'GetSecretVaultNotFound', 'ObjectNotFound', $null))
            }
        }

        function Get-Secret {
            [CmdletBinding()]
            param([Parameter(Position = 0, Mandatory)] [string] $Name, [Parameter(Position = 1)] [string] $Vault, [switch] $AsPlainText)
            if (-not $Vaults.Count) { $PSCmdlet.WriteWarning('There are currently no extension vaults registered.') }
            RequireVault $Vault $PSCmdlet
            foreach ($each in @(if ($Vault) { $Vault } else { $Vaults.Keys })) {
                $content = Open $each $PSCmdlet
                if ($content.ContainsKey($Name)) { return , $content[$Name] }
            }
            $PSCmdlet.WriteError([Management.Automation.ErrorRecord]::new([Management.Automation.ItemNotFoundException]::new("The secret $Name was not found."), 'GetSecretNotFound', 'ObjectNotFound', $null))
        }

        function Set-Secret {
            [CmdletBinding(SupportsShouldProcess)]
            param([Parameter(Position = 0, Mandatory)] [string] $Name, [Parameter(Position = 1, Mandatory)] [securestring] $SecureStringSecret, [Parameter(Position = 2)] [string] $Vault, [hashtable] $Metadata, [switch] $NoClobber)
            RequireVault $Vault $PSCmdlet
            $content = Open $(if ($Vault) { $Vault } else { @($Vaults.Keys)[0] }) $PSCmdlet
            $content[$Name] = $SecureStringSecret.Copy()
        }

        function Get-SecretVault {
            [CmdletBinding()]
            param([string[]] $Name)
            foreach ($each in $Vaults.Keys) { [pscustomobject] @{ Name = $each; ModuleName = 'TestVault'; IsDefault = $each -eq @($Vaults.Keys)[0] } }
        }

        Export-ModuleMember -Function Get-Secret, Set-Secret, Get-SecretVault
        """;

    private TestVaults()
    {
    }

    /// <summary>The vaults by name; each a hashtable of secrets, or one of the words Locked, Asks and Broken.</summary>
    public Hashtable Content { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Imports the module into a shell, as if it were installed.</summary>
    public static async Task<TestVaults> InstallAsync(HostedShell shell)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("klingps-vault-");
        try
        {
            string path = Path.Combine(folder.FullName, "Microsoft.PowerShell.SecretManagement.psm1");
            await File.WriteAllTextAsync(path, Module);
            var vaults = new TestVaults();
            (await shell.RunAsync("Import-Module $vaultModule -Global -ArgumentList $vaultContent", new { vaultModule = path, vaultContent = vaults.Content })).Clean();
            return vaults;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
