using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Sessions;

/// <summary>
/// Finds out whose key a session has. A key that the ledger does not know may be a new one of an account that it knows: the service
/// answers for a task to all keys of the account that has bought it, and names the account in the address of every upload. Both are free.
/// A key is known at one address only, and the same service may have several, so accounts that have bought at another address are asked about
/// as well. The key goes nowhere but to the address in use. A service on this machine has no other address: it is never asked about
/// what was bought elsewhere, and nobody else about what it has made.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore has nothing to release unless its wait handle is used.")]
internal sealed class AccountFinder(KlingSession session, IPipelineObserver? observer)
{
    /// <summary>How many accounts the service is asked about for a new key; asking about more would take minutes.</summary>
    private const int MaxAccounts = 50;

    /// <summary>How many tasks of an account are asked for: one without an answer may just have been removed.</summary>
    private const int MaxTasks = 3;

    /// <summary>How many tasks the service has to deny before an account counts as another one.</summary>
    private const int EnoughDenials = 2;

    /// <summary>The service keeps its records for two months. One that is missing proves something only before that.</summary>
    private static readonly TimeSpan s_surelyKept = TimeSpan.FromDays(45);

    /// <summary>A task may be unknown to the service for a moment after its creation.</summary>
    private static readonly TimeSpan s_surelyThere = TimeSpan.FromMinutes(2);

    /// <summary>How long after an attempt that settled nothing the service is not asked again, unless another account has come up since.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(1);

    private readonly string _service = ServiceAddress.From(session.Endpoints.Api);
    private readonly SemaphoreSlim _finding = new(1, 1);

    private IAccountRegister Register => session.Ledger.Accounts;

    /// <summary>Finds the account of the session's key, and asks the service if the ledger does not know it yet. What cannot be found out now stays open.</summary>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>.</exception>
    public async Task FindAsync(CancellationToken cancellationToken)
    {
        await _finding.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await FindInTurnAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _finding.Release();
        }
    }

    private async Task FindInTurnAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<AccountKey> keys = await Register.ListAsync(cancellationToken).ConfigureAwait(false);
        AccountKey? recorded = keys.FirstOrDefault(key => key.Fingerprint == session.Fingerprint);
        AccountKey own = (recorded ?? new AccountKey(session.Fingerprint, session.Fingerprint)) with { Service = _service };
        long? askedAt = session.Standing.AskedAt;
        var found = new Findings(own, keys, []);
        Candidate[] candidates = FindCandidates(keys, own);
        bool isOpen = !IsSettled(own) || candidates.Any(candidate => IsOpen(own, candidate));
        bool hasNew = candidates.Any(candidate => !session.Standing.Others.Any(other => other.Account == candidate.Account));
        if (isOpen && !hasNew && askedAt is long asked && session.TimeProvider.GetElapsedTime(asked) < s_pause)
        {
            foreach (Candidate candidate in candidates)
            {
                if (FindDoubt(candidate.Account) is string doubt)
                {
                    found.Doubts[candidate.Account] = doubt;
                }
            }
        }
        else if (isOpen)
        {
            found = await AskAsync(own, keys, cancellationToken).ConfigureAwait(false);
            askedAt = session.TimeProvider.GetTimestamp();
        }

        if (found.Own != recorded)
        {
            await Register.RecordAsync(found.Own, cancellationToken).ConfigureAwait(false);
        }

        if (recorded is null && await Register.ListAsync(cancellationToken).ConfigureAwait(false) is var present && HasNews(found, present))
        {
            // Another key is used for the first time at the same moment, as when several machines begin to share a ledger. At least one of the two
            // sees the other here; otherwise both would count as settled, although nobody has compared them.
            found = await AskAsync(found.Own with { IsSettled = false, IsSettledElsewhere = null }, present, cancellationToken).ConfigureAwait(false);
            askedAt = session.TimeProvider.GetTimestamp();
            await Register.RecordAsync(found.Own, cancellationToken).ConfigureAwait(false);
        }

        Apply(found, askedAt);
    }

    /// <summary>Whether the ledger has keys by now that the key was not compared with.</summary>
    private bool HasNews(Findings found, IReadOnlyList<AccountKey> present)
        => FindCandidates(present, found.Own).SelectMany(candidate => candidate.Keys).Any(key => found.Keys.All(known => known.Fingerprint != key.Fingerprint));

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

        await _finding.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (number != session.Standing.Number)
            {
                await LearnNumberAsync(upload, number, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _finding.Release();
        }
    }

    private async Task LearnNumberAsync(string upload, string number, CancellationToken cancellationToken)
    {
        IReadOnlyList<AccountKey> keys = await Register.ListAsync(cancellationToken).ConfigureAwait(false);
        AccountKey own = (keys.FirstOrDefault(key => key.Fingerprint == session.Fingerprint) ?? new AccountKey(session.Fingerprint, session.Account))
            with
        { Service = _service, Number = number };
        Findings found = await CompareAsync(own, keys, CompareNumberAsync, cancellationToken).ConfigureAwait(false);
        await Register.RecordAsync(found.Own, cancellationToken).ConfigureAwait(false);
        Apply(found, session.Standing.AskedAt);

        async Task<(string? Proof, string? Doubt)> CompareNumberAsync(Candidate candidate)
        {
            string? sample = candidate is { Number: not null, Elsewhere: null } ? null : await Register.FindUploadAsync(candidate.Account, cancellationToken).ConfigureAwait(false);
            string? theirs = candidate.Number ?? ServiceAddress.FindAccountNumber(sample);

            // Two services may give different accounts the same number, but not in the same place.
            return theirs == number && (candidate.Elsewhere is null || IsSameHost(sample, upload))
                ? ($"the service gives both the number {number}", null)
                : (null, theirs is null || theirs == number ? FindDoubt(candidate.Account) : null);
        }
    }

    /// <summary>Compares the key with the accounts it may belong to by asking the service.</summary>
    private async Task<Findings> AskAsync(AccountKey own, IReadOnlyList<AccountKey> keys, CancellationToken cancellationToken)
    {
        KlingClient client = session.CreateProbingClient(observer);
        string? silence = null;
        int accounts = 0;
        Findings found = await CompareAsync(own, keys, AskOnceAsync, cancellationToken).ConfigureAwait(false);
        foreach ((string account, string doubt) in found.Doubts)
        {
            observer?.OnNotice($"Whether this key belongs to the account {account} could not be found out: {doubt}.");
        }

        return found;

        async Task<(string? Proof, string? Doubt)> AskOnceAsync(Candidate candidate)
        {
            if (silence is not null)
            {
                return (null, silence);
            }

            IReadOnlyList<KnownTask> tasks = await Register.ListTasksAsync(candidate.Account, MaxTasks, cancellationToken).ConfigureAwait(false);
            if (tasks.Count == 0)
            {
                return (null, "no task is known that it could be asked for");
            }

            if (++accounts > MaxAccounts)
            {
                return (null, "the ledger has tasks of too many accounts to ask about all of them");
            }

            try
            {
                return await AskAsync(client, candidate, tasks, cancellationToken).ConfigureAwait(false);
            }
            catch (KlingApiException exception)
            {
                observer?.OnNotice($"Whose key this is could not be found out now. {exception.Message}");
                return (null, silence = "the service could not be asked");
            }
        }
    }

    /// <summary>Compares the key with each account it may belong to. A key may turn out to belong to several, which are one account then.</summary>
    /// <param name="own">The key.</param>
    /// <param name="keys">All keys that the ledger knows.</param>
    /// <param name="compare">Finds what proves that the key belongs to an account; or why it is not certain that it does not.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    private async Task<Findings> CompareAsync(
        AccountKey own, IReadOnlyList<AccountKey> keys, Func<Candidate, Task<(string? Proof, string? Doubt)>> compare, CancellationToken cancellationToken)
    {
        var doubts = new Dictionary<string, string>();
        var compared = new HashSet<string>();
        while (FindCandidates(keys, own).FirstOrDefault(candidate => IsOpen(own, candidate) && !compared.Contains(candidate.Account)) is Candidate candidate)
        {
            compared.Add(candidate.Account);
            (string? proof, string? doubt) = await compare(candidate).ConfigureAwait(false);
            if (proof is not null)
            {
                TellSame(candidate, proof);

                // What is known of the account is now known of the key. Whoever came later and could not be compared with it has recorded that.
                own = candidate.Keys.Any(IsSettled)
                    ? own with { Account = candidate.Account, IsSettled = true, IsSettledElsewhere = true }
                    : own with { Account = candidate.Account };
                await Register.RecordAsync(own, cancellationToken).ConfigureAwait(false);
                keys = await Register.ListAsync(cancellationToken).ConfigureAwait(false);
                own = own with { Account = keys.First(key => key.Fingerprint == own.Fingerprint).Account };
            }
            else if (doubt is not null)
            {
                doubts[candidate.Account] = doubt;
            }
            else if (candidate.Elsewhere is not null)
            {
                observer?.OnNotice($"'{ServiceAddress.Describe(_service)}' does not know what was bought at {candidate.Elsewhere}: that is another account, or another service.");
            }
        }

        Candidate[] others = FindCandidates(keys, own);
        return new Findings(
            own with
            {
                IsSettled = own.IsSettled || !others.Any(other => other.Keys.Any(IsHere) && doubts.ContainsKey(other.Account)),
                IsSettledElsewhere = own.IsSettledElsewhere == true || !others.Any(other => !other.Keys.All(IsHere) && doubts.ContainsKey(other.Account)),
            },
            keys,
            doubts);
    }

    private static bool IsSettled(AccountKey own) => own is { IsSettled: true, IsSettledElsewhere: true };

    /// <summary>
    /// Whether it is still to be found out whether a key belongs to an account. What could not be found out when a key of that account was used
    /// can often be found out now, from the other side: that account has bought something in the meantime.
    /// </summary>
    private bool IsOpen(AccountKey own, Candidate candidate) => candidate.IsOpen
        || (!own.IsSettled && candidate.Keys.Any(IsHere)) || (own.IsSettledElsewhere != true && !candidate.Keys.All(IsHere));

    /// <summary>Whether a key is used at the address in use, as far as that is known. Other addresses may be known to lead to the same service.</summary>
    private bool IsHere(AccountKey key) => key.Service is null || key.Service == _service;

    private static bool IsSameHost(string? one, string other)
        => Uri.TryCreate(one, UriKind.Absolute, out Uri? first) && Uri.TryCreate(other, UriKind.Absolute, out Uri? second) && first.Authority == second.Authority;

    /// <summary>Asks the service for tasks of an account.</summary>
    /// <param name="client">Asks it.</param>
    /// <param name="candidate">The account.</param>
    /// <param name="tasks">The tasks; at least one.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>What proves that it is the same account; if nothing does and it is not certainly another one, why not.</returns>
    private async Task<(string? Proof, string? Doubt)> AskAsync(KlingClient client, Candidate candidate, IReadOnlyList<KnownTask> tasks, CancellationToken cancellationToken)
    {
        observer?.OnNotice($"The ledger has tasks that were bought {(candidate.Elsewhere is string there ? $"at another address, {there}" : "with another key")}. The service is asked for some of them, which is free, to find out whether this key belongs to the same account.");
        DateTimeOffset now = await session.Ledger.Tasks.ReadClockAsync(cancellationToken).ConfigureAwait(false);
        int denials = 0;
        int answers = 0;
        foreach (KnownTask task in tasks)
        {
            try
            {
                TaskSnapshot snapshot = await client.QueryTaskAsync(task.TaskId, cancellationToken).ConfigureAwait(false);
                if (candidate.IsProven(snapshot, task))
                {
                    string date = task.CreatedAt.ToLocalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
                    return ($"the service knows task {task.TaskId} of {date} {(candidate.Elsewhere is null ? "with" : "at")} both", null);
                }

                answers++;
            }
            catch (KlingApiException exception) when (exception.Kind == ErrorKind.TaskNotFound)
            {
                // One from the future was recorded before the clock was set back, and may be as old as any.
                TimeSpan age = now - task.CreatedAt;
                denials += age >= (task.WasSeen ? TimeSpan.Zero : s_surelyThere) && age <= s_surelyKept ? 1 : 0;
            }
        }

        return (null, denials >= EnoughDenials ? null
            : answers > 0 ? "what the service says of the tasks that it was asked for does not show whether it knows them"
            : "the service does not know the few tasks that it could be asked for, which may be too old or too new for it");
    }

    private void TellSame(Candidate candidate, string proof) => observer?.OnWarning(
        $"{(candidate.Elsewhere is string there
            ? $"'{ServiceAddress.Describe(_service)}' leads to an account that is known here from another address, {there}"
            : "This key belongs to an account that is known here by another key")}: {proof}. What was bought {(candidate.Elsewhere is null ? "with" : "at")} either of them counts for both and is not bought again; rate limits and the daily cap are shared.");

    /// <summary>The accounts that the key may belong to as well, those at the same service first.</summary>
    private Candidate[] FindCandidates(IReadOnlyList<AccountKey> keys, AccountKey own)
    {
        bool isLocal = session.Endpoints.Api.IsLoopback;
        string[] services = FindServices(keys, own);
        return
        [
            .. keys
                .Where(key => key.Account != own.Account && key.Fingerprint != own.Fingerprint)
                .GroupBy(key => key.Account)
                .Where(account => account.Any(MayBeAtService))
                .Select(account => new Candidate(account.Key, [.. account])
                {
                    IsRecorded = account.Any(key => services.Contains(key.Service)),
                    Elsewhere = account.Any(IsAtService) ? null : ServiceAddress.Describe(account.First(MayBeAtService).Service!),
                    IsOpen = account.Any(key => key.Service is not null
                        && services.Any(service => service == key.Service ? !key.IsSettled : key.IsSettledElsewhere == false)),
                })
                .OrderBy(account => account.Elsewhere is not null),
        ];

        // The first ledgers do not record where a key was used. A sandbox is recognized by its addresses.
        bool IsAtService(AccountKey key) => key.Service is null ? !isLocal && !ServiceAddress.IsLocal(key.Sample) : services.Contains(key.Service);

        bool MayBeAtService(AccountKey key) => IsAtService(key) || (!isLocal && key.Service is string service && !ServiceAddress.IsHere(service));
    }

    /// <summary>The services that the account of the key is known at: they are one.</summary>
    private static string[] FindServices(IReadOnlyList<AccountKey> keys, AccountKey own)
        => [.. keys.Where(key => key.Account == own.Account).Append(own).Select(key => key.Service).OfType<string>().Distinct()];

    private void Apply(Findings found, long? askedAt) => session.Standing = new AccountStanding
    {
        Account = found.Own.Account,
        Number = found.Own.Number,
        IsSettled = IsSettled(found.Own),
        AskedAt = askedAt,
        Services = FindServices(found.Keys, found.Own),
        Others =
        [
            .. FindCandidates(found.Keys, found.Own)
                .Select(candidate => new OtherAccount(candidate.Account, found.Doubts.GetValueOrDefault(candidate.Account), candidate.Elsewhere)),
        ],
    };

    /// <summary>What was not known about an account before; <see langword="null"/> if it is another one.</summary>
    private string? FindDoubt(string account)
        => session.Standing.Others.FirstOrDefault(other => other.Account == account) is { } other ? other.Doubt : "it was not asked yet";

    /// <param name="Own">The key with its account.</param>
    /// <param name="Keys">All keys that the ledger knows.</param>
    /// <param name="Doubts">What could not be found out about which other account.</param>
    private sealed record Findings(AccountKey Own, IReadOnlyList<AccountKey> Keys, Dictionary<string, string> Doubts);

    /// <param name="Account">The account.</param>
    /// <param name="Keys">Its keys.</param>
    private sealed record Candidate(string Account, AccountKey[] Keys)
    {
        /// <summary>Whether it is recorded that it has bought at this very service, rather than only likely.</summary>
        public required bool IsRecorded { get; init; }

        /// <summary>The address where it has bought, as people write it, if it is not known to have bought at this service; else <see langword="null"/>.</summary>
        public required string? Elsewhere { get; init; }

        /// <summary>What the service calls it, if that is known.</summary>
        public string? Number => Keys.Select(key => key.Number).FirstOrDefault(number => number is not null);

        /// <summary>Whether it could not be found out, when its keys were used, whether they belong to accounts such as that of this key.</summary>
        public required bool IsOpen { get; init; }

        /// <summary>
        /// Whether an answer can only be about a task of the account. Some routes say "success" without data for a task they do not
        /// know, and what answers at another address may say anything.
        /// </summary>
        public bool IsProven(TaskSnapshot snapshot, KnownTask task)
            => snapshot.Spec?.Prompt is string prompt && task.Prompt is not null
                ? PromptText.Normalize(prompt) == PromptText.Normalize(task.Prompt)
                : IsRecorded && snapshot.ShowsTask;
    }
}
