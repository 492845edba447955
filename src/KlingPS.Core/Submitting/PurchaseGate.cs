using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;

namespace KlingPS.Core.Submitting;

/// <summary>
/// Decides for one video of a run after another, in the order of the input, whether it may be bought: within the limits of the run and of
/// the day, and as far as the balance reaches. What is under way counts as bought until its outcome is known, so that a limit goes to those that
/// came first, not to those whose images were read first.
/// </summary>
/// <remarks>The ledger has the last word when a purchase is recorded, because other processes buy as well; the service has it on the balance. Safe for concurrent use.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore has nothing to release unless its wait handle is used.")]
internal sealed class PurchaseGate(KlingSession session, BalanceWatch? balance)
{
    private readonly object _lock = new();
    private readonly SemaphoreSlim _deciding = new(1, 1);

    /// <summary>The purchases whose outcome is not known yet, by their names.</summary>
    private readonly Dictionary<string, Place> _open = [];
    private TaskCompletionSource _moved = CreateSignal();

    /// <summary>Waits until all that come before it are decided, and decides.</summary>
    /// <param name="intent">What is to be bought.</param>
    /// <param name="purchase">The name of the purchase. There may be several tries; of those with the same name, one is paid for.</param>
    /// <param name="turn">Its place in the input; <see langword="null"/> if it has none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Its place; <see cref="Place.End"/> has to be called for it.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.BudgetExceeded"/>: a limit does not allow it.</exception>
    public async Task<Place> EnterAsync(TaskIntent intent, string purchase, Turn? turn, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(intent);
        Place? place = null;
        try
        {
            await WaitForTurnAsync(turn, cancellationToken).ConfigureAwait(false);
            await _deciding.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                place = await DecideAsync(intent, purchase, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                if (place is not { IsBeyondBalance: true })
                {
                    _deciding.Release();
                }
            }
        }
        finally
        {
            turn?.Pass();
        }

        return place;
    }

    /// <summary>The purchase of the same video that is under way for another image.</summary>
    /// <param name="purchase">Names the purchase.</param>
    /// <returns>Completes when its outcome is known; <see langword="null"/> if there is none.</returns>
    public Task? FindTwin(string purchase)
    {
        lock (_lock)
        {
            return _open.GetValueOrDefault(purchase)?.Ended;
        }
    }

    /// <summary>Waits until all that come before it are decided.</summary>
    public static Task WaitForTurnAsync(Turn? turn, CancellationToken cancellationToken) => turn?.Arrival.WaitAsync(cancellationToken) ?? Task.CompletedTask;

    private async Task<Place> DecideAsync(TaskIntent intent, string purchase, CancellationToken cancellationToken)
    {
        while (true)
        {
            UnderWay others = Look(purchase);
            if (others.HasTwin)
            {
                // The same video is being bought for another image: it is paid for once.
                return new Place(this, purchase, credits: 0) { IsTwin = true };
            }

            string? excess = await FindExcessAsync(intent, others, cancellationToken).ConfigureAwait(false);
            bool isCovered = excess is null && (balance is null || await balance.TryTakeAsync(intent.Credits, purchase, cancellationToken).ConfigureAwait(false));
            if (isCovered || (excess is null && others.Open == 0))
            {
                // If the credits do not suffice, one request goes beyond them: either the service says that they are spent, or there are more by now.
                var place = new Place(this, purchase, intent.Credits ?? 0) { IsBeyondBalance = !isCovered };
                lock (_lock)
                {
                    _open.Add(purchase, place);
                }

                return place;
            }

            if (excess is not null && others.Undecided == 0)
            {
                throw new KlingException(ErrorKind.BudgetExceeded, excess);
            }

            // What is under way may come to nothing, and then there is room.
            await others.Moved.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private UnderWay Look(string purchase)
    {
        lock (_lock)
        {
            Place[] unrecorded = [.. _open.Values.Where(place => !place.IsRecorded)];
            return new UnderWay(
                _open.ContainsKey(purchase),
                _open.Count,
                _open.Values.Count(place => !place.IsHeldBack),
                unrecorded.Sum(place => place.Credits),
                unrecorded.Length,
                _moved.Task);
        }
    }

    private Task<string?> FindExcessAsync(TaskIntent intent, UnderWay others, CancellationToken cancellationToken)
    {
        // An unknown task still reserves what its replacement is to spend: the ledger checks when it has abandoned the former.
        return intent.Replaces is not null
            ? Task.FromResult<string?>(null)
            : session.Ledger.Tasks.FindBudgetExcessAsync(
                intent.Budget is not { } budget ? intent : intent with { Credits = intent.Credits + others.Credits, Budget = budget with { MaxTasks = budget.MaxTasks - others.Tasks } },
                cancellationToken);
    }

    /// <summary>Called when the outcome of a purchase is known.</summary>
    private void Close(Place place, string purchase, bool mayBeBought)
    {
        if (place.IsBeyondBalance && mayBeBought)
        {
            balance!.Widen();
        }
        else if (!mayBeBought)
        {
            balance?.GiveBack(purchase);
        }

        Move(() => _open.Remove(purchase));
        place.OnEnded();
        if (place.IsBeyondBalance)
        {
            _deciding.Release();
        }
    }

    private void Move(Action change)
    {
        TaskCompletionSource moved;
        lock (_lock)
        {
            change();
            (moved, _moved) = (_moved, CreateSignal());
        }

        moved.SetResult();
    }

    private static TaskCompletionSource CreateSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A purchase that was let through.</summary>
    /// <param name="gate">The gate.</param>
    /// <param name="purchase">Its name.</param>
    /// <param name="credits">What it costs.</param>
    internal sealed class Place(PurchaseGate gate, string purchase, decimal credits)
    {
        private readonly TaskCompletionSource _ended = CreateSignal();

        /// <summary>Completes when its outcome is known.</summary>
        public Task Ended => _ended.Task;

        /// <summary>What it costs; 0 if that is not known.</summary>
        public decimal Credits => credits;

        /// <summary>Whether the ledger counts it.</summary>
        public bool IsRecorded { get; private set; }

        /// <summary>Whether it was held back: it may take long until its outcome is known, and until then it counts as bought.</summary>
        public bool IsHeldBack { get; private set; }

        /// <summary>Whether another one pays for the same video.</summary>
        public bool IsTwin { get; init; }

        /// <summary>Whether the balance does not cover it. Nothing else is decided until its outcome is known.</summary>
        public bool IsBeyondBalance { get; init; }

        /// <summary>Called when the ledger has recorded it.</summary>
        public void Record() => gate.Move(() => IsRecorded = true);

        /// <summary>Called when the ledger counts it no more, because it is to be recorded anew.</summary>
        public void Forget() => gate.Move(() => IsRecorded = false);

        /// <summary>Called when the service has turned it down for now.</summary>
        public void HoldBack() => gate.Move(() => IsHeldBack = true);

        /// <summary>Tells those that wait for its end.</summary>
        public void OnEnded() => _ended.SetResult();

        /// <summary>Called when its outcome is known.</summary>
        /// <param name="mayBeBought">Whether it was bought, or may have been.</param>
        public void End(bool mayBeBought)
        {
            if (!IsTwin)
            {
                gate.Close(this, purchase, mayBeBought);
            }
        }
    }

    /// <summary>What is under way.</summary>
    /// <param name="HasTwin">Whether the same video is.</param>
    /// <param name="Open">How many purchases are.</param>
    /// <param name="Undecided">How many of them may soon come to nothing.</param>
    /// <param name="Credits">What those cost that the ledger does not count yet.</param>
    /// <param name="Tasks">How many these are.</param>
    /// <param name="Moved">Completes when one of them has moved on.</param>
    private sealed record UnderWay(bool HasTwin, int Open, int Undecided, decimal Credits, int Tasks, Task Moved);
}
