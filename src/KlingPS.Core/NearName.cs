namespace KlingPS.Core;

/// <summary>Finds the name that was probably meant by an unknown one.</summary>
internal static class NearName
{
    /// <summary>The known name that is most like this one, in letters of any case; <see langword="null"/> if none is similar enough.</summary>
    /// <param name="name">The name; it must not be long, because all of it is compared with all of each known one.</param>
    /// <param name="known">The names that it may stand for.</param>
    public static string? Find(string name, IEnumerable<string> known)
        => known.Select(known => (Name: known, Distance: CountEdits(name.ToUpperInvariant(), known.ToUpperInvariant())))
            .Where(known => known.Distance <= known.Name.Length / 3)
            .OrderBy(known => known.Distance)
            .Select(known => known.Name)
            .FirstOrDefault();

    /// <summary>How many characters have to be inserted, removed or changed to turn one text into another.</summary>
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
