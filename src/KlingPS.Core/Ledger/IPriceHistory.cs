using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger;

/// <summary>What the service took for earlier videos.</summary>
internal interface IPriceHistory
{
    /// <summary>Finished videos of one model that cost something, latest first; those whose request is not known are left out.</summary>
    /// <param name="account">The account.</param>
    /// <param name="model">The model's id.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<PaidVideo>> ListAsync(string account, string model, int limit, CancellationToken cancellationToken);
}
