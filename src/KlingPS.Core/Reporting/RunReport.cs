using System.Text.Json;
using System.Text.Json.Serialization;

namespace KlingPS.Core.Reporting;

/// <summary>What a run was asked to do, what it did and how it ended; the JSON of <c>-ReportPath</c>. Its schema is KlingPS.Report.schema.json, which ships with the module.</summary>
internal sealed record RunReport
{
    /// <summary>Identifies a report and the version of its format.</summary>
    public const string Form = "urn:klingps:report:1";

    /// <summary>The outcome of a run that has not ended, or was killed.</summary>
    public const string Running = "Running";

    [JsonPropertyName("$schema")]
    public string Schema { get; init; } = Form;

    public required string RunId { get; init; }

    public required string Command { get; init; }

    /// <summary>The word for a <see cref="RunOutcome"/>, or <see cref="Running"/>.</summary>
    public string Outcome { get; init; } = Running;

    public int? ExitCode { get; init; }

    public required DateTimeOffset Begin { get; init; }

    public DateTimeOffset? End { get; init; }

    public required RunVersions Versions { get; init; }

    public required RunMachine Machine { get; init; }

    /// <summary>Who pays; <see langword="null"/> if the run did not get that far.</summary>
    public RunAccount? Account { get; init; }

    /// <summary>Where the ledger is; <see langword="null"/> if the run did not get that far.</summary>
    public string? Ledger { get; init; }

    /// <summary>The plan that it carried out; <see langword="null"/> if there was none.</summary>
    public RunPlan? Plan { get; init; }

    /// <summary>The parameters of the command as they were given, without those that come with each row.</summary>
    public required IReadOnlyDictionary<string, JsonElement> Parameters { get; init; }

    /// <summary>Whether all input had come when the run ended; input that had not come is not among the items.</summary>
    public bool InputComplete { get; init; }

    public RunTotals Totals { get; init; } = new();

    /// <summary>The error that ended the run.</summary>
    public RunError? Error { get; init; }

    public IReadOnlyList<RunItem> Items { get; init; } = [];
}

/// <summary>What a run was made with.</summary>
internal sealed record RunVersions(string Module, string PowerShell, string Dotnet);

/// <summary>Where a run was made.</summary>
internal sealed record RunMachine(string Name, string Os, string Architecture, int ProcessId);

/// <summary>Who pays for a run.</summary>
/// <param name="Fingerprint">A fingerprint of the key and the endpoint; does not reveal the key.</param>
/// <param name="Endpoint">The address of the service.</param>
/// <param name="IsSandbox">Whether that is the local sandbox.</param>
internal sealed record RunAccount(string Fingerprint, string Endpoint, bool IsSandbox);

/// <summary>The plan that a run carried out.</summary>
/// <param name="Id">Its id.</param>
/// <param name="File">The full path of its file.</param>
/// <param name="Digest">The SHA-256 of its content.</param>
internal sealed record RunPlan(string Id, string File, string Digest);

/// <summary>The error that ended a run.</summary>
internal sealed record RunError(string Id, string Message);

/// <summary>How a run has ended.</summary>
internal sealed record RunEnd(RunOutcome Outcome, IReadOnlyList<RunItem> Items, bool IsInputComplete, KlingException? Error);

/// <summary>Source-generated JSON of reports.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(decimal))]
internal sealed partial class RunReportContext : JsonSerializerContext;
