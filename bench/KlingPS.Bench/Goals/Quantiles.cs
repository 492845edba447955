namespace KlingPS.Bench.Goals;

internal static class Quantiles
{
    /// <summary>The value that this fraction of all values does not exceed.</summary>
    public static double At(this IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }
}
