@{
    RootModule             = 'bin/KlingPS.dll'
    ModuleVersion          = '0.1.0'
    GUID                   = '6f6cf0c8-3c1e-4a35-9d0e-2f3a8f1f7a52'
    Author                 = 'KlingPS contributors'
    CompanyName            = 'KlingPS contributors'
    Copyright              = '(c) KlingPS contributors. MIT License.'
    Description            = 'Turns still images, and prompts alone, into videos with the Kling models of the kie.ai jobs API. Every image is paid for at most once, and every finished video ends up whole on disk.'

    PowerShellVersion      = '7.4'
    CompatiblePSEditions   = @('Core')

    CmdletsToExport        = @(
        'Connect-KlingAccount'
        'Get-KlingAccount'
        'Disconnect-KlingAccount'
        'Set-KlingApiKey'
        'Get-KlingConfiguration'
        'Set-KlingConfiguration'
        'Test-KlingSetup'
        'Get-KlingModel'
        'Test-KlingImage'
        'Send-KlingImage'
        'Measure-KlingVideoCost'
        'New-KlingVideoTask'
        'Get-KlingVideoTask'
        'Get-KlingSpend'
        'Export-KlingMetric'
        'Copy-KlingLedger'
        'Wait-KlingVideoTask'
        'Save-KlingVideo'
        'ConvertTo-KlingVideo'
        'Resolve-KlingVideoTask'
        'Remove-KlingVideoTask'
        'Export-KlingGallery'
        'Import-KlingGalleryChoice'
        'Test-KlingCallback'
        'Receive-KlingCallback'
        'Start-KlingSandbox'
        'Get-KlingSandbox'
        'Stop-KlingSandbox'
    )
    FunctionsToExport      = @()
    VariablesToExport      = @()
    AliasesToExport        = @()

    PrivateData            = @{
        PSData = @{
            Tags         = @('AI', 'Video', 'Kling', 'kie.ai', 'ImageToVideo', 'Animation', 'Automation', 'PSEdition_Core', 'Windows', 'Linux', 'MacOS')
            LicenseUri   = 'https://opensource.org/license/mit'
            ReleaseNotes = 'The first version: images to videos, paid for at most once. CHANGELOG.md in the module has the details.'

            # ProjectUri belongs here as soon as the project has a public address; Get-Help -Online follows from it. A wrong one would
            # be worse than none.
        }
    }
}
