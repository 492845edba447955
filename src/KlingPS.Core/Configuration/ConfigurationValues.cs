using KlingPS.Core.Model;

namespace KlingPS.Core.Configuration;

/// <summary>What the configuration file sets; <see langword="null"/> for what it does not set.</summary>
internal sealed record ConfigurationValues
{
    /// <summary>The name of the secret that holds the key.</summary>
    public string? SecretName { get; init; }

    /// <summary>The vault that holds the secret.</summary>
    public string? Vault { get; init; }

    /// <summary>The address of the jobs API.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>The address that uploads go to.</summary>
    public Uri? UploadEndpoint { get; init; }

    /// <summary>The proxy to go through; without a name or password in it.</summary>
    public Uri? Proxy { get; init; }

    /// <summary>Where the ledger is: the full path of a file, or the address of a PostgreSQL database without a password.</summary>
    public string? Ledger { get; init; }

    /// <summary>The name of the secret that holds the password of the ledger's database.</summary>
    public string? LedgerSecretName { get; init; }

    /// <summary>The most credits an account may spend on one day, from midnight to midnight local time, with a ledger on a server in its time zone; 0 or more.</summary>
    public decimal? DailyCreditCap { get; init; }

    /// <summary>The full path of the folder that videos go to when no other is given.</summary>
    public string? DefaultDestination { get; init; }

    /// <summary>The full path of the file that events are appended to.</summary>
    public string? LogPath { get; init; }

    /// <summary>The full path of the file for a run's report; may contain {Date} and {RunId}.</summary>
    public string? ReportPath { get; init; }

    /// <summary>The seconds between two looks at a task; 0.1 to 3600.</summary>
    public double? PollingInterval { get; init; }

    /// <summary>How many seconds a request may go unanswered; 20 to 3600.</summary>
    public double? RequestTimeout { get; init; }

    /// <summary>The names in the file that are not settings.</summary>
    internal ValueList<string> UnknownNames { get; init; } = ValueList<string>.Empty;
}
