namespace KlingPS.Core.Scheduling;

/// <summary>How many create requests of an account the service takes: 20 in 10 seconds.</summary>
/// <remarks>
/// The service counts a request when it arrives, which is before its answer is here, and the next one arrives after it was sent: what is sent
/// 10 seconds after an answer is late enough, however long requests are on their way. The rest is for a service that counts on several
/// machines, whose clocks differ a little.
/// </remarks>
internal static class CreateRate
{
    /// <summary>The requests that may leave within <see cref="Window"/>.</summary>
    public const int Limit = 20;

    /// <summary>The time in which no more than <see cref="Limit"/> requests leave.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10.02);
}
