using System.Text.Json.Serialization;

namespace KlingPS.Core.Configuration;

/// <summary>The defaults a user keeps in the configuration file. What is not set has the module's own default.</summary>
public sealed record KlingConfiguration
{
    /// <summary>The full path of the ledger's file; the environment variable KLINGPS_LEDGER goes before it.</summary>
    [JsonPropertyName("LedgerPath")]
    public string? LedgerPath { get; init; }

    /// <summary>The most credits an account may spend on one day, from midnight to midnight local time; 0 or more.</summary>
    [JsonPropertyName("DailyCreditCap")]
    public decimal? DailyCreditCap { get; init; }
}
