using Mono.Cecil;

namespace KlingPS.Tests.Architecture;

/// <summary>Which folders of a project use which, and through which types.</summary>
internal sealed class FolderGraph
{
    private readonly Dictionary<(string User, string Used), List<string>> _ties;

    /// <param name="graph">The types.</param>
    /// <param name="maxDepth">How deep folders are told apart; a deeper one counts as its ancestor at that depth.</param>
    public FolderGraph(TypeGraph graph, int maxDepth = int.MaxValue)
    {
        Folders = [.. graph.Types.Select(FolderOf).Distinct().Order(StringComparer.Ordinal)];
        _ties = graph.Uses
            .Where(use => FolderOf(use.User) != FolderOf(use.Used))
            .GroupBy(use => (FolderOf(use.User), FolderOf(use.Used)), use => $"{NameOf(use.User)} uses {NameOf(use.Used)}")
            .ToDictionary(group => group.Key, group => group.Order(StringComparer.Ordinal).ToList());

        string FolderOf(TypeDefinition type) => string.Join('/', graph.FolderOf(type).Split('/').Take(maxDepth));

        string NameOf(TypeDefinition type) => graph.FolderOf(type) is { Length: > 0 } folder ? $"{folder}/{type.Name}" : type.Name;
    }

    public IReadOnlyList<string> Folders { get; }

    /// <summary>Every pair of folders of which the first uses the second.</summary>
    public IEnumerable<(string User, string Used)> Uses => _ties.Keys;

    /// <summary>The types by which one folder uses another, each as a line.</summary>
    public IReadOnlyList<string> TiesOf(string user, string used) => _ties.GetValueOrDefault((user, used)) ?? [];

    /// <summary>The groups of folders that all depend on one another.</summary>
    /// <param name="ignore">Pairs of folders, user first, that do not count.</param>
    public IReadOnlyList<IReadOnlyList<string>> FindCycles(Func<string, string, bool>? ignore = null)
    {
        ILookup<string, string> uses = Uses.Where(use => ignore?.Invoke(use.User, use.Used) != true).ToLookup(use => use.User, use => use.Used);
        Dictionary<string, HashSet<string>> reachable = Folders.ToDictionary(folder => folder, ReachableFrom);
        return
        [
            .. Folders
                .Where(folder => reachable[folder].Contains(folder))
                .GroupBy(folder => string.Join(", ", reachable[folder].Where(other => reachable[other].Contains(folder)).Order(StringComparer.Ordinal)))
                .Select(group => group.ToList()),
        ];

        HashSet<string> ReachableFrom(string start)
        {
            HashSet<string> found = [];
            Stack<string> open = new([start]);
            while (open.TryPop(out string? folder))
            {
                foreach (string used in uses[folder].Where(found.Add))
                {
                    open.Push(used);
                }
            }

            return found;
        }
    }

    /// <summary>A cycle in words: which types tie it.</summary>
    public string Describe(IReadOnlyList<string> cycle)
        => $"{string.Join(", ", cycle.Select(Name))} depend on one another:\n"
            + string.Concat(Uses.Where(use => cycle.Contains(use.User) && cycle.Contains(use.Used)).Order().Select(use => Describe(use.User, use.Used)));

    /// <summary>One folder's use of another in words.</summary>
    public string Describe(string user, string used)
        => $"  {Name(user)} -> {Name(used)}\n" + string.Concat(TiesOf(user, used).Select(tie => $"    {tie}\n"));

    private static string Name(string folder) => folder.Length == 0 ? "(root)" : folder;
}
