using KlingPS.Core.Reporting;

namespace KlingPS.Core.Setup;

/// <summary>What a check has found.</summary>
internal enum SetupStatus
{
    /// <summary>Nothing stands in the way.</summary>
    Ok,

    /// <summary>A run is possible, but the user should know something first.</summary>
    Warning,

    /// <summary>A run would stop, or do harm.</summary>
    Failed,

    /// <summary>It was not checked.</summary>
    Skipped,
}

/// <summary>One thing that a run depends on, and its state.</summary>
public sealed record KlingSetupCheck
{
    /// <summary>What was checked.</summary>
    public required string Name { get; init; }

    /// <summary><c>Ok</c>, <c>Warning</c>, <c>Failed</c> or <c>Skipped</c>.</summary>
    public string Status => SetupStatus.ToString();

    /// <summary>What was found.</summary>
    public required string Message { get; init; }

    /// <summary>What to do about it; <see langword="null"/> if there is nothing to do.</summary>
    public string? Advice { get; init; }

    /// <summary>The status.</summary>
    internal SetupStatus SetupStatus { get; init; }

    /// <summary>The check in words, such as <c>Ledger: Ok. …</c>.</summary>
    public override string ToString() => $"{Name}: {Status}. {Message}{(Advice is null ? string.Empty : $" {Advice}")}";

    /// <summary>A check that found nothing in the way.</summary>
    internal static KlingSetupCheck Ok(string name, string message) => Create(name, SetupStatus.Ok, message, null);

    /// <summary>A check that found something the user should know.</summary>
    internal static KlingSetupCheck Warning(string name, string message, string advice) => Create(name, SetupStatus.Warning, message, advice);

    /// <summary>A check that found something that would stop a run.</summary>
    internal static KlingSetupCheck Failed(string name, string message, string advice) => Create(name, SetupStatus.Failed, message, advice);

    /// <summary>A check that ended with an error.</summary>
    internal static KlingSetupCheck Failed(string name, KlingException error)
        => Create(name, SetupStatus.Failed, error.Message, error.AdviceOn(isOfTask: false));

    /// <summary>A check that was left out, and why.</summary>
    internal static KlingSetupCheck Skipped(string name, string message) => Create(name, SetupStatus.Skipped, message, null);

    private static KlingSetupCheck Create(string name, SetupStatus status, string message, string? advice)
        => new() { Name = name, SetupStatus = status, Message = message, Advice = advice };
}
