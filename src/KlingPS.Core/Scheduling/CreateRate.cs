namespace KlingPS.Core.Scheduling;

/// <summary>How many create requests of an account the service takes: 20 in 10 seconds, with some room for clocks that differ.</summary>
internal static class CreateRate
{
    /// <summary>The requests that may leave within <see cref="Window"/>.</summary>
    public const int Limit = 20;

    /// <summary>The time in which no more than <see cref="Limit"/> requests leave.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10.25);
}
