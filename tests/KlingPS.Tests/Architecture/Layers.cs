namespace KlingPS.Tests.Architecture;

/// <summary>
/// The folders of each project from the bottom up. A folder may use those on lower levels and, if that makes no cycle,
/// its neighbours. The empty name is the project's own folder. Folders within these count as the one they are in.
/// </summary>
internal static class Layers
{
    public static IReadOnlyList<IReadOnlyList<string>> Core { get; } =
    [
        [""],
        ["Files"],
        ["Clips", "Imaging", "Model", "Network", "Resilience", "Scheduling", "Secrets"],
        ["Api"],
        ["Configuration", "Ledger", "Reporting"],
        ["Sessions"],
        ["Resolving", "Saving", "Stages", "Submitting", "Waiting"],
        ["Callbacks", "Converting", "Setup", "Gallery"],
    ];

    public static IReadOnlyList<IReadOnlyList<string>> Sandbox { get; } =
    [
        [""],
        ["Faults", "Http"],
        ["State"],
        ["Wire"],
        ["Callbacks", "Downloads"],
        ["Routes"],
        ["Hosting"],
    ];

    public static IReadOnlyList<IReadOnlyList<string>> Cmdlets { get; } =
    [
        ["Display", "Hosting"],
        ["Sessions", "Text"],
        ["Parameters"],
        ["Commands"],
    ];
}
