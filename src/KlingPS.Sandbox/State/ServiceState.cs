using System.Security.Cryptography;
using KlingPS.Sandbox.Faults;

namespace KlingPS.Sandbox.State;

/// <summary>Everything the simulated service remembers, on one clock: its accounts, their files, the faults to come, and what clients did.</summary>
internal sealed class ServiceState
{
    private readonly Dictionary<string, Account> _accounts = new(StringComparer.Ordinal);

    internal ServiceState(SandboxOptions options, Uri downloadEndpoint)
    {
        TimeProvider = options.TimeProvider;
        PriceFactor = options.PriceFactor;
        ApiKey = options.ApiKey ?? $"sandbox-{Convert.ToHexString(RandomNumberGenerator.GetBytes(16)).ToLowerInvariant()}";
        Account = new Account(options, options.ApiKey is null ? Account.DefaultNumber : Account.NumberOf(ApiKey));
        foreach (string key in options.MoreKeys.Prepend(ApiKey))
        {
            _accounts[key] = Account;
        }

        foreach (string key in options.OtherAccounts)
        {
            _accounts.TryAdd(key, new Account(options, Account.NumberOf(key)));
        }

        Uploads = new UploadStore(options.UploadLifetime, TimeProvider);
        Links = new DownloadLinks(downloadEndpoint, TimeProvider);
        Faults = new FaultPlan(options.Seed, TimeProvider);
    }

    internal TimeProvider TimeProvider { get; }

    /// <summary>See <see cref="SandboxOptions.PriceFactor"/>.</summary>
    internal decimal PriceFactor { get; }

    /// <summary>The first key of the first account.</summary>
    internal string ApiKey { get; }

    /// <summary>Every key that is accepted.</summary>
    internal IEnumerable<string> Keys => _accounts.Keys;

    /// <summary>The first account: the only one, unless others are asked for.</summary>
    internal Account Account { get; }

    /// <summary>All accounts.</summary>
    internal IEnumerable<Account> Accounts => _accounts.Values.Distinct();

    internal UploadStore Uploads { get; }

    internal DownloadLinks Links { get; }

    internal FaultPlan Faults { get; }

    internal Meter Meter { get; } = new();

    /// <summary>The account whose key a request carries; null if it carries none that is accepted.</summary>
    /// <param name="authorization">The header of that name.</param>
    internal Account? FindAccount(string? authorization)
    {
        const string Scheme = "Bearer ";
        return authorization is not null && authorization.StartsWith(Scheme, StringComparison.Ordinal)
            ? _accounts.GetValueOrDefault(authorization[Scheme.Length..])
            : null;
    }

    /// <summary>A task of any account.</summary>
    internal Job? FindJob(string taskId) => Accounts.Select(account => account.Find(taskId)).FirstOrDefault(job => job is not null);

    /// <summary>The accounts as one, for the bill; the balance is that of the first.</summary>
    internal AccountStatement GetStatement()
    {
        AccountStatement[] statements = [.. Accounts.Select(account => account.GetStatement())];
        return new AccountStatement(
            statements.Sum(statement => statement.Spent),
            statements.Sum(statement => statement.Held),
            statements[0].Left,
            [.. statements.SelectMany(statement => statement.Tasks).OrderBy(task => task.CreatedAt)]);
    }
}
