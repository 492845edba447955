namespace KlingPS.Core.Scheduling;

/// <summary>How many queries the service answers for a key: 10 in a second.</summary>
/// <remarks>The margin has the same reason as that of <see cref="CreateRate"/>.</remarks>
internal static class QueryRate
{
    /// <summary>The queries that may leave within <see cref="Window"/>.</summary>
    public const int Limit = 10;

    /// <summary>The time in which no more than <see cref="Limit"/> queries leave.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(1.01);
}
