using KlingPS.Fuzz.Targets;

namespace KlingPS.Fuzz;

/// <summary>What can be fuzzed.</summary>
internal static class FuzzTargets
{
    private static readonly Dictionary<string, Func<FuzzTarget>> s_targets = new(StringComparer.Ordinal)
    {
        ["answers"] = () => new AnswerTarget(),
        ["callbacks"] = () => new CallbackTarget(),
        ["images"] = () => new ImageTarget(),
        ["clips"] = () => new ClipTarget(),
        ["prompts"] = () => new PromptTarget(),
        ["names"] = () => new NameTarget(),
        ["configuration"] = () => new ConfigurationTarget(),
        ["addresses"] = () => new AddressTarget(),
        ["sidecars"] = () => new SidecarTarget(),
        ["choices"] = () => new ChoiceTarget(),
        ["plans"] = () => new PlanTarget(),
        ["ledger"] = () => new LedgerTarget(),
    };

    public static IReadOnlyCollection<string> Names => s_targets.Keys;

    public static FuzzTarget Create(string name) => s_targets[name]();
}
