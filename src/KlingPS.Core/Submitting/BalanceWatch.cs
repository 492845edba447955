using System.Globalization;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Submitting;

/// <summary>
/// Keeps a run within what the account has left: asks once, when the first video is about to be bought, warns before that if the whole run
/// cannot be paid for, and lets it go on for as long as the credits last. A balance that cannot be determined stops nothing.
/// </summary>
/// <remarks>
/// Only what this run buys is counted against the balance. The service has the last word: see <see cref="PurchaseGate"/>. Safe for
/// concurrent use.
/// </remarks>
internal sealed class BalanceWatch
{
    /// <summary>How long the first purchase waits to learn what else will be bought: the commands before this one may be slow.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly object _lock = new();
    private readonly KlingService _service;
    private readonly BudgetLimit _limit;
    private readonly List<decimal> _prices = [];
    private readonly HashSet<string> _identities = [];
    private readonly TaskCompletionSource _isAllKnown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<decimal?>? _balance;
    private readonly Dictionary<string, decimal> _taken = [];
    private decimal _takenCredits;

    /// <summary>What the account has left; <see langword="null"/> until the run has to be compared with it.</summary>
    private decimal? _credits;
    private decimal _spentToday;
    private int _known;
    private int? _items;
    private bool _hasWarned;

    /// <summary>Whether the service has accepted more than the balance covers, so that there must be more by now.</summary>
    private bool _isWider;

    /// <summary>Creates the watch. Nothing is asked yet.</summary>
    /// <param name="service">Whose balance it is.</param>
    /// <param name="limit">The most that the run may spend anyway.</param>
    public BalanceWatch(KlingService service, BudgetLimit limit)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(limit);
        _service = service;
        _limit = limit;
    }

    /// <summary>Called when it is known what has to be done for one more item.</summary>
    /// <param name="price">What it will cost; <see langword="null"/> if nothing is bought, or the price is not known.</param>
    /// <param name="identity">The video, if the same one is bought only once; <see langword="null"/> if each one is bought.</param>
    public void Note(decimal? price, string? identity)
    {
        lock (_lock)
        {
            _known++;
            if (price is decimal credits && (identity is null || _identities.Add(identity)))
            {
                _prices.Add(credits);
            }
        }

        OpenIfKnown();
        WarnIfShort();
    }

    /// <summary>Called when no more items will come.</summary>
    /// <param name="items">How many have come.</param>
    public void Complete(int items)
    {
        lock (_lock)
        {
            _items = items;
        }

        OpenIfKnown();
    }

    /// <summary>Sets aside what a video costs, before anything is sent for it.</summary>
    /// <param name="price">What it costs; <see langword="null"/> if that is not known.</param>
    /// <param name="purchase">The name of the purchase. There may be several tries; of those with the same name, one is paid for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether the balance covers it, as far as that is known.</returns>
    public async Task<bool> TryTakeAsync(decimal? price, string purchase, CancellationToken cancellationToken)
    {
        Task<decimal?> asked;
        lock (_lock)
        {
            asked = _balance ??= AskAsync(cancellationToken);
        }

        if (await asked.WaitAsync(cancellationToken).ConfigureAwait(false) is not decimal balance || price is not decimal credits)
        {
            return true;
        }

        lock (_lock)
        {
            if (_isWider || _taken.ContainsKey(purchase))
            {
                return true;
            }

            if (_takenCredits + credits > balance)
            {
                return false;
            }

            _taken.Add(purchase, credits);
            _takenCredits += credits;
            return true;
        }
    }

    /// <summary>Gives back what was set aside for a video that was not bought.</summary>
    /// <param name="purchase">As for <see cref="TryTakeAsync"/>.</param>
    public void GiveBack(string purchase)
    {
        lock (_lock)
        {
            if (_taken.Remove(purchase, out decimal credits))
            {
                _takenCredits -= credits;
            }
        }
    }

    /// <summary>Called when the service has accepted more than the balance covers: credits have been added since it was queried.</summary>
    public void Widen()
    {
        lock (_lock)
        {
            _isWider = true;
        }
    }

    private async Task<decimal?> AskAsync(CancellationToken cancellationToken)
    {
        // Nothing is read or sent under the lock of the caller.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        Task patience = Task.WhenAny(_isAllKnown.Task, Task.Delay(s_patience, _service.Session.TimeProvider, cancellationToken));
        decimal? balance;
        try
        {
            KlingSession session = _service.Session;
            _spentToday = session.DailyCreditCap is null ? 0 : await session.Ledger.Spending.SumTodayAsync(session.Account, cancellationToken).ConfigureAwait(false);
            balance = await session.CreateProbingClient(_service.Observer).GetCreditsAsync(cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever the reason that it is not known: the service refuses what is not covered.
        catch (Exception exception) when (!UnexpectedError.IsStop(exception, cancellationToken))
#pragma warning restore CA1031
        {
            _service.Observer?.OnNotice($"The balance of the account could not be found out, so the run is not compared with it. {exception.Message}");
            return null;
        }

        _service.Session.LastBalance = new AccountBalance(balance.Value, _service.Session.TimeProvider.GetUtcNow());

        // Any warning has to come before the first purchase, and cover as many purchases as are known by then.
        await patience.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            _credits = balance;
        }

        WarnIfShort();
        return balance;
    }

    private void OpenIfKnown()
    {
        bool isKnown;
        lock (_lock)
        {
            isKnown = _items is int items && _known >= items;
        }

        if (isKnown)
        {
            _isAllKnown.TrySetResult();
        }
    }

    /// <summary>Warns once if the credits are known and do not cover the whole run. What its limits leave out need not be paid for.</summary>
    private void WarnIfShort()
    {
        decimal credits;
        decimal wanted;
        int videos;
        lock (_lock)
        {
            if (_hasWarned || _credits is not decimal known)
            {
                return;
            }

            credits = known;
            (wanted, videos) = SumWithinLimits();
            if (wanted <= credits)
            {
                return;
            }

            _hasWarned = true;
        }

        _service.Observer?.OnWarning(string.Create(
            CultureInfo.InvariantCulture,
            $"The credits do not cover this whole run: the account has {credits:0.###} credits left, and {(videos == 1 ? "1 video is" : $"{videos} videos are")} to be bought for {wanted:0.###}. "
                + $"The run goes on as far as the credits reach; then run the same command again. Credits are added at https://kie.ai/billing."));
    }

    /// <summary>What the run would buy if it had the credits.</summary>
    private (decimal Credits, int Videos) SumWithinLimits()
    {
        decimal sum = 0;
        int videos = 0;
        foreach (decimal price in _prices)
        {
            if (FindExcess(sum, videos, price) is null)
            {
                sum += price;
                videos++;
            }
        }

        return (sum, videos);
    }

    private string? FindExcess(decimal credits, int videos, decimal price)
        => BudgetRule.FindExcess(_limit with { DailyCredits = _service.Session.DailyCreditCap }, new Spending(credits, videos, _spentToday + credits), price);
}
