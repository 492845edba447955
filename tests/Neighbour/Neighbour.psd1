@{
    RootModule           = 'Neighbour.dll'
    ModuleVersion        = '1.0.0'
    GUID                 = 'b0e5c1de-4f57-4c43-9f0e-0d2a35b7c9a1'
    Author               = 'KlingPS contributors'
    Description          = 'A module beside KlingPS that brings other versions of its libraries. For tests only.'
    CompatiblePSEditions = @('Core')
    RequiredAssemblies   = @('System.Text.Json.dll')
    CmdletsToExport      = @('Invoke-NeighbourWork')
    FunctionsToExport    = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
}
