namespace KlingPS.Core;

/// <summary>Finds the name that was probably meant by one that nobody knows.</summary>
internal static class NearName
{
    /// <summary>The known name that is most like another one, in letters of any case; <see langword="null"/> if none is much like it.</summary>
    /// <param name="name">The name; not long, for all of it is compared with all of each other one.</param>
    /// <param name="known">The names it may stand for.</param>
    public static string? Find(string name, IEnumerable<string> known)
        => known.Select(known => (Name: known, Distance: CountEdits(name.ToUpperInvariant(), known.ToUpperInvariant())))
            .Where(known => known.Distance <= known.Name.Length / 3)
            .OrderBy(known => known.Distance)
            .Select(known => known.Name)
            .FirstOrDefault();

    /// <summary>How many characters have to be put in, taken out or changed to make one text of another.</summary>
    private static int CountEdits(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 0; i < from.Length; i++)
        {
            int diagonal = row[0]++;
            for (int j = 0; j < to.Length; j++)
            {
                int changed = diagonal + (from[i] == to[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(changed, Math.Min(row[j], row[j + 1]) + 1);
            }
        }

        return row[^1];
    }
}
