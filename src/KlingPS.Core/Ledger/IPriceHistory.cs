using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>What the service took for earlier videos.</summary>
internal interface IPriceHistory
{
    /// <summary>The last finished video of the same kind (<see cref="PriceKind"/>) that cost something, without those of which it is not known what was asked for.</summary>
    /// <param name="account">The account.</param>
    /// <param name="spec">The video.</param>
    /// <param name="since">The earliest moment at which it may have been finished.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns><see langword="null"/> if there is none.</returns>
    Task<PaidVideo?> FindLastAsync(string account, VideoSpec spec, DateTimeOffset since, CancellationToken cancellationToken);
}
