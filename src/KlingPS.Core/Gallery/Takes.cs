using KlingPS.Core.Model;

namespace KlingPS.Core.Gallery;

/// <summary>Which takes of a video there are, whatever became of them.</summary>
internal sealed class Takes
{
    private readonly Dictionary<string, int> _last = new(StringComparer.Ordinal);

    /// <summary>Counts the takes of tasks.</summary>
    public Takes(IEnumerable<KlingVideoTask> tasks)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        foreach (KlingVideoTask task in tasks)
        {
            string variant = VariantOf(task.Spec);
            _last[variant] = Math.Max(_last.GetValueOrDefault(variant), task.Take);
        }
    }

    /// <summary>The first take of a video that nobody has asked for after those that there are.</summary>
    public int Next(VideoSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return Math.Max(_last.GetValueOrDefault(VariantOf(spec)), spec.Take) + 1;
    }

    /// <summary>What all takes of a video share.</summary>
    private static string VariantOf(VideoSpec spec)
    {
        VideoSpec first = (spec with { Take = 1 }).Normalized();
        return first.Sources.All(source => source.Source is not { IsFile: true, Hash: null })
            ? first.GetIdentity()

            // The files of an old record have no hash: then it is their paths that count.
            : string.Join('\n', first.Sources.Select(source => source.Source.Subject).Append(first.Model).Append(first.Prompt));
    }
}
