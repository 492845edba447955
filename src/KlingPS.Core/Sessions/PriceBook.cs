using System.Collections.Concurrent;
using System.Globalization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Sessions;

/// <summary>What videos are expected to cost, from the models' rows and from what the service charged for earlier ones. Safe for concurrent use.</summary>
internal sealed class PriceBook(KlingSession session, IPipelineObserver? observer)
{
    private readonly ConcurrentDictionary<PriceKind, Task<PaidVideo?>> _paid = new();
    private readonly ConcurrentDictionary<string, byte> _warned = new();

    /// <inheritdoc cref="PriceEstimate.Of"/>
    /// <param name="spec">The video.</param>
    /// <exception cref="KlingException">The ledger cannot be read.</exception>
    public async Task<PriceEstimate> EstimateAsync(VideoSpec spec)
    {
        // Not cancelled, because others wait for it as well; read again for the next video if it fails.
        var kind = PriceKind.Of(spec);
        Task<PaidVideo?> paid = _paid.GetOrAdd(kind, _ => session.Ledger.Prices.FindLastAsync(session.Account, spec, PriceEstimate.UpToDateFrom(spec.Model), CancellationToken.None));
        try
        {
            return PriceEstimate.Of(spec, await paid.ConfigureAwait(false));
        }
        catch
        {
            _paid.TryRemove(new(kind, paid));
            throw;
        }
    }

    /// <summary>Learns what the service charged for a finished video, and tells the user once for each model if that is not what the model's row says.</summary>
    /// <param name="task">The task, as it is recorded.</param>
    /// <param name="snapshot">What the service says about it.</param>
    public void Learn(KlingVideoTask task, TaskSnapshot snapshot)
    {
        if (snapshot is not { State: KlingTaskState.Succeeded, CreditsConsumed: > 0 and decimal paid }
            || task is not { TaskState: KlingTaskState.Succeeded, IsDescribed: true, Spec.IsLengthKnown: true }
            || task.Spec.GetCredits() == paid)
        {
            return;
        }

        _paid.TryRemove(PriceKind.Of(task.Spec), out _);
        if (_warned.TryAdd(task.Model, 0))
        {
            string expected = task.Spec.GetCredits() is decimal price
                ? string.Create(CultureInfo.InvariantCulture, $"and not the {price:0.##} that this version of KlingPS knows (as of {ModelCatalog.Get(task.Model).Price!.AsOf:yyyy-MM-dd})")
                : "which this version of KlingPS does not know";
            observer?.OnWarning(string.Create(
                CultureInfo.InvariantCulture,
                $"The service took {paid:0.##} credits for a video of {task.Duration} seconds of {task.Model} (task {task.Id}), {expected}. The next estimates for this model use what the service took; Get-KlingModel shows it."));
        }
    }
}
