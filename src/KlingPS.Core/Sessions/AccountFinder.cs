using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Sessions;

/// <summary>
/// Finds out whose key a session has. A key that the ledger does not know may be a new one of an account that it knows: the service
/// answers for a task to all keys of the account that has bought it, and names the account in the address of every upload. Both are free.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore has nothing to release unless its wait handle is used.")]
internal sealed class AccountFinder(KlingSession session, IPipelineObserver? observer)
{
    /// <summary>How many accounts are compared with a new key; asking about more would take too long.</summary>
    private const int MaxAccounts = 5;

    /// <summary>How many tasks of an account are asked for: one without an answer may just have been removed.</summary>
    private const int MaxTasks = 3;

    /// <summary>How many tasks the service has to deny before an account counts as another one.</summary>
    private const int EnoughDenials = 2;

    /// <summary>The service keeps its records for two months. One that is missing proves something only before that.</summary>
    private static readonly TimeSpan s_surelyKept = TimeSpan.FromDays(45);

    /// <summary>A task may be unknown to the service for a moment after its creation.</summary>
    private static readonly TimeSpan s_surelyThere = TimeSpan.FromMinutes(2);

    /// <summary>How long after an attempt that settled nothing the service is not asked again.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(1);

    private readonly string _service = ServiceAddress.From(session.Endpoints.Api);
    private readonly SemaphoreSlim _learning = new(1, 1);

    private IAccountRegister Register => session.Ledger.Accounts;

    /// <summary>Finds the account of the session's key, and asks the service if the ledger does not know it yet. What cannot be found out now stays open.</summary>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public async Task FindAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<AccountKey> keys = await Register.ListAsync(cancellationToken).ConfigureAwait(false);
        AccountKey? recorded = keys.FirstOrDefault(key => key.Fingerprint == session.Fingerprint);
        AccountKey own = (recorded ?? new AccountKey(session.Fingerprint, session.Fingerprint)) with { Service = _service };
        Candidate[] candidates = FindCandidates(keys, own);
        long? askedAt = session.Standing.AskedAt;
        var doubts = new Dictionary<string, string>();
        if (!own.IsSettled && askedAt is long asked && session.TimeProvider.GetElapsedTime(asked) < s_pause)
        {
            doubts = candidates.Select(candidate => (candidate.Account, Doubt: FindDoubt(candidate.Account)))
                .Where(open => open.Doubt is not null).ToDictionary(open => open.Account, open => open.Doubt!);
        }
        else if (!own.IsSettled)
        {
            (own, doubts) = await SettleAsync(own, candidates, cancellationToken).ConfigureAwait(false);
            askedAt = session.TimeProvider.GetTimestamp();
        }

        if (own != recorded)
        {
            await Register.RecordAsync(own, cancellationToken).ConfigureAwait(false);
        }

        Apply(own, candidates, askedAt, doubts);
    }

    /// <summary>Learns from the address of an upload which account the key belongs to.</summary>
    /// <param name="upload">The address.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public async Task LearnAsync(string upload, CancellationToken cancellationToken)
    {
        if (ServiceAddress.FindAccountNumber(upload) is not string number || number == session.Standing.Number)
        {
            return;
        }

        await _learning.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (number != session.Standing.Number)
            {
                await LearnNumberAsync(number, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _learning.Release();
        }
    }

    private async Task LearnNumberAsync(string number, CancellationToken cancellationToken)
    {
        IReadOnlyList<AccountKey> keys = await Register.ListAsync(cancellationToken).ConfigureAwait(false);
        AccountKey own = (keys.FirstOrDefault(key => key.Fingerprint == session.Fingerprint) ?? new AccountKey(session.Fingerprint, session.Account))
            with
        { Service = _service, Number = number };
        Candidate[] candidates = FindCandidates(keys, own);
        var doubts = new Dictionary<string, string>();
        foreach (Candidate candidate in candidates)
        {
            string? theirs = candidate.Number
                ?? ServiceAddress.FindAccountNumber(await Register.FindUploadAsync(candidate.Account, cancellationToken).ConfigureAwait(false));
            if (theirs == number && !own.IsSettled)
            {
                own = own with { Account = candidate.Account, IsSettled = true };
                TellSame($"the service gives both the number {number}");
                break;
            }

            if (theirs is null && !own.IsSettled && FindDoubt(candidate.Account) is string doubt)
            {
                doubts[candidate.Account] = doubt;
            }
        }

        own = own with { IsSettled = own.IsSettled || doubts.Count == 0 };
        await Register.RecordAsync(own, cancellationToken).ConfigureAwait(false);
        Apply(own, candidates, session.Standing.AskedAt, doubts);
    }

    /// <summary>Compares the key with the accounts it may belong to.</summary>
    /// <returns>The key with its account, and what could not be found out about which other account.</returns>
    private async Task<(AccountKey Own, Dictionary<string, string> Doubts)> SettleAsync(AccountKey own, Candidate[] candidates, CancellationToken cancellationToken)
    {
        var doubts = new Dictionary<string, string>();
        KlingClient client = session.CreateProbingClient(observer);
        string? silence = null;
        foreach (Candidate candidate in candidates.Take(MaxAccounts))
        {
            string? doubt = silence;
            if (doubt is null)
            {
                try
                {
                    (bool isSame, doubt) = await AskAsync(client, candidate, cancellationToken).ConfigureAwait(false);
                    if (isSame)
                    {
                        return (own with { Account = candidate.Account, IsSettled = true }, doubts);
                    }
                }
                catch (KlingException exception) when (exception is KlingApiException)
                {
                    observer?.OnNotice($"Whose key this is could not be found out now. {exception.Message}");
                    doubt = silence = "the service could not be asked";
                }
            }

            if (doubt is not null)
            {
                doubts[candidate.Account] = doubt;
            }
        }

        foreach (Candidate candidate in candidates.Skip(MaxAccounts))
        {
            doubts[candidate.Account] = "too many keys are known to ask for all of them";
        }

        foreach ((string account, string doubt) in doubts)
        {
            observer?.OnNotice($"Whether this key belongs to the account {account} could not be found out: {doubt}.");
        }

        return (own with { IsSettled = doubts.Count == 0 }, doubts);
    }

    /// <summary>Asks the service for tasks of an account, the latest first.</summary>
    /// <returns>Whether it is the same account; if it is not certainly another one, why not.</returns>
    private async Task<(bool IsSame, string? Doubt)> AskAsync(KlingClient client, Candidate candidate, CancellationToken cancellationToken)
    {
        DateTimeOffset now = session.TimeProvider.GetUtcNow();
        int denials = 0;
        int tasks = 0;
        foreach (KnownTask task in await Register.ListTasksAsync(candidate.Account, MaxTasks, cancellationToken).ConfigureAwait(false))
        {
            if (tasks++ == 0)
            {
                observer?.OnNotice("The ledger has tasks that were bought with another key. Whether this key belongs to the same account is found out by asking the service for some of them, which is free.");
            }

            try
            {
                TaskSnapshot snapshot = await client.QueryTaskAsync(task.TaskId, cancellationToken).ConfigureAwait(false);
                if (candidate.IsProven(snapshot, task))
                {
                    string date = task.CreatedAt.ToLocalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
                    TellSame($"the service knows task {task.TaskId} of {date} with both");
                    return (true, null);
                }
            }
            catch (KlingApiException exception) when (exception.Kind == ErrorKind.TaskNotFound)
            {
                TimeSpan age = now - task.CreatedAt;
                denials += (task.WasSeen || age >= s_surelyThere) && age <= s_surelyKept ? 1 : 0;
            }
        }

        return (false, denials >= EnoughDenials ? null
            : tasks == 0 ? "no task is known that it could be asked for"
            : "the service does not know the few tasks that it could be asked for, which may be too old or too new for it");
    }

    private void TellSame(string proof) => observer?.OnWarning(
        $"This key belongs to an account that is known here by another key: {proof}. What was bought with either of them counts for both and is not bought again; rate limits and the daily cap are shared.");

    /// <summary>The accounts at the same service that the key may belong to as well.</summary>
    private Candidate[] FindCandidates(IEnumerable<AccountKey> keys, AccountKey own)
    {
        bool isLocal = session.Endpoints.Api.IsLoopback;
        return
        [
            .. keys
                .Where(key => key.Account != own.Account && key.Fingerprint != own.Fingerprint)
                .GroupBy(key => key.Account)
                .Where(account => account.Any(IsAtService))
                .Select(account => new Candidate(
                    account.Key,
                    account.Any(key => key.Service == _service),
                    account.Select(key => key.Number).FirstOrDefault(number => number is not null),
                    account.Any(key => key is { IsSettled: false, Service: not null }))),
        ];

        // The first ledgers do not record where a key was used. A sandbox is recognized by its addresses.
        bool IsAtService(AccountKey key) => key.Service is null ? !isLocal && !ServiceAddress.IsLocal(key.Sample) : key.Service == _service;
    }

    private void Apply(AccountKey own, IEnumerable<Candidate> candidates, long? askedAt, Dictionary<string, string> doubts) => session.Standing = new AccountStanding
    {
        Account = own.Account,
        Number = own.Number,
        IsSettled = own.IsSettled,
        AskedAt = askedAt,
        Others =
        [
            .. candidates
                .Where(candidate => candidate.Account != own.Account)
                .Select(candidate => new OtherAccount(
                    candidate.Account,
                    doubts.GetValueOrDefault(candidate.Account) ?? (own.IsSettled && candidate.IsOpen ? "it was not when that key was used" : null))),
        ],
    };

    /// <summary>What was not known about an account before; <see langword="null"/> if it is another one.</summary>
    private string? FindDoubt(string account)
        => session.Others.FirstOrDefault(other => other.Account == account) is { } other ? other.Doubt : "it was not asked yet";

    /// <param name="Account">The account.</param>
    /// <param name="IsRecorded">Whether it is recorded that it has bought at this very service, rather than only likely.</param>
    /// <param name="Number">What the service calls it, if that is known.</param>
    /// <param name="IsOpen">Whether it could not be found out whose its keys are when they were used.</param>
    private sealed record Candidate(string Account, bool IsRecorded, string? Number, bool IsOpen)
    {
        /// <summary>
        /// Whether an answer can only be about a task of the account. Some routes say "success" without data for a task they do not
        /// know, and what answers at another address may say anything.
        /// </summary>
        public bool IsProven(TaskSnapshot snapshot, KnownTask task)
            => snapshot.Spec?.Prompt is string prompt && task.Prompt is not null
                ? PromptText.Normalize(prompt) == PromptText.Normalize(task.Prompt)
                : IsRecorded && (snapshot is { Spec: not null } or { CreatedAt: not null } or { ResultUris.Count: > 0 } or { State: not KlingTaskState.Waiting });
    }
}
