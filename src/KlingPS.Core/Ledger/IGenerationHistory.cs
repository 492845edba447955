namespace KlingPS.Core.Ledger;

/// <summary>How long the service took for earlier videos.</summary>
internal interface IGenerationHistory
{
    /// <summary>The generation times of finished tasks of one model and one duration, latest first, in seconds.</summary>
    /// <param name="model">The model's id.</param>
    /// <param name="duration">The length of the videos in seconds.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    Task<IReadOnlyList<double>> ListAsync(string model, int duration, int limit, CancellationToken cancellationToken);
}
