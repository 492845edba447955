# Dot-sourced by the suites that run the recipes of about_KlingPS_Automation, taken from the page as they stand, as a scheduler runs them.

. "$PSScriptRoot/Shells.ps1"

Import-Module $module -Force
$page = Get-Content "$root/docs/en-US/about_KlingPS_Automation.md" -Raw
$before = @{}
foreach ($name in 'KLINGPS_LEDGER', 'KLINGPS_CONFIG', 'KLINGPS_ENDPOINT', 'KLINGPS_UPLOAD_ENDPOINT', 'KIE_API_KEY') {
    $before[$name] = [Environment]::GetEnvironmentVariable($name)
}

# Each recipe names its file in its first line. Those of cron and of the key are lines to be typed, and have a heading.
$recipes = @{}
foreach ($block in [regex]::Matches($page, '(?ms)^```(?:powershell|text|yaml)\r?\n(# (\S+)\r?\n.*?)^```')) {
    $recipes[(Split-Path $block.Groups[2].Value -Leaf)] = $block.Groups[1].Value
}

# A folder in the place of /srv/kling, set up by the recipe for it, with three images, and a service that knows nobody else.
function Start-Night([double] $GenerationTime = 0.3) {
    $script:sandbox = Start-KlingSandbox -GenerationTime $GenerationTime -Force
    $script:key = [Net.NetworkCredential]::new('', $sandbox.ApiKey).Password
    $script:place = Join-Path $TestDrive ([guid]::NewGuid().ToString('N'))
    $null = New-Item $place, "$place/bin" -ItemType Directory
    foreach ($name in $recipes.Keys) { Set-Content "$place/$name" $recipes[$name] }
    $script:service = @{ KLINGPS_LEDGER = $null; KLINGPS_CONFIG = "$place/config.json"; KLINGPS_ENDPOINT = "$($sandbox.Endpoint)"; KLINGPS_UPLOAD_ENDPOINT = "$($sandbox.UploadEndpoint)" }
    $script:withKey = $service + @{ KIE_API_KEY = $key }
    foreach ($name in $withKey.Keys) { [Environment]::SetEnvironmentVariable($name, $withKey[$name]) }
    $script:checks = & "$place/setup.ps1" -Folder $place

    # Where a job gets hardly any environment, the configuration says where the service is.
    $null = Set-KlingConfiguration -Endpoint $sandbox.Endpoint -UploadEndpoint $sandbox.UploadEndpoint -PollingInterval 0.1
    $script:run = "-Source '$place/images'"
}

function Add-SampleImage {
    Copy-Item "$root/samples/images/*" "$place/images"
    'The boat sails away.' | Set-Content "$place/images/boat.txt"
}

function Invoke-Nightly([string] $Arguments = $run, [hashtable] $Environment = $withKey, [switch] $WithoutVaultModules) {
    Invoke-Job -Place $place -Environment $Environment -WithoutVaultModules:$WithoutVaultModules "& '$place/nightly.ps1' $Arguments; exit `$LASTEXITCODE"
}

# The reports of this place, the oldest first.
function Get-Report { Get-ChildItem "$place/reports/*.json" | Sort-Object LastWriteTimeUtc | Get-Content -Raw | ForEach-Object { $_ | ConvertFrom-Json } }

# As an Automation account serves its credential assets.
function Get-Asset([string] $Key) {
    "function Get-AutomationPSCredential([string] `$Name) { [pscredential]::new(`$Name, (ConvertTo-SecureString '$Key' -AsPlainText -Force)) }"
}

# Takes back what was done to this shell.
function Stop-Nights {
    Stop-KlingSandbox
    Remove-Module KlingPS
    foreach ($name in $before.Keys) { [Environment]::SetEnvironmentVariable($name, $before[$name]) }
}
