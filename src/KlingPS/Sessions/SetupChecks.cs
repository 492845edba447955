using System.Runtime.InteropServices;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Sessions;
using KlingPS.Core.Setup;
using KlingPS.Hosting;

namespace KlingPS.Sessions;

/// <summary>Checks what an unattended run depends on, in the state that such a run would find. Spends nothing.</summary>
/// <remarks>Used on the pipeline thread, except for the asynchronous methods. Whatever goes wrong in a check is its result.</remarks>
internal sealed class SetupChecks : IAsyncDisposable
{
    /// <summary>The cost of the cheapest video that most images are turned into.</summary>
    private const decimal LeastBalance = 42;

    /// <summary>The checks that send something.</summary>
    private static readonly string[] s_online = ["Proxy", "Service", "UploadHost", "Clock", "Account"];

    private static readonly Version s_leastShell = new(7, 4);

    private readonly CommandContext _context;
    private readonly KeyFinder _keys;
    private readonly SocketsHttpHandler _handler;
    private readonly KlingConfiguration? _configuration;
    private readonly KlingEndpoints? _endpoints;
    private readonly ProxyRoute _route;
    private KlingSession? _session;
    private ITaskLedger? _ledger;

    /// <summary>Creates the checks.</summary>
    /// <param name="context">What the command works with.</param>
    /// <param name="streams">Gets a message about where the key was found.</param>
    public SetupChecks(CommandContext context, ICommandStreams streams)
    {
        _context = context;
        Unattended = new CommandRunner(context.Shell.Host, context.Shell.Session, isUnattended: true);
        _keys = new KeyFinder(Unattended, streams);
        _configuration = TryGetConfiguration();
        _endpoints = Connected?.Endpoints ?? TryGetEndpoints();
        _route = ProxyRoute.Through(_configuration?.Proxy, null);
        _handler = ApiHandler.Create(_route);
    }

    /// <summary>Says that a check needs the settings but they cannot be used.</summary>
    private const string NoConfiguration = "It depends on the configuration, which cannot be used.";

    /// <summary>Says that a check needs the ledger but it cannot be used.</summary>
    private const string NoLedger = "It depends on the ledger, which cannot be used.";

    private CommandRunner Unattended { get; }

    private KlingSession? Connected => _context.Connection.Connected;

    private NetworkChecks Network => new(_endpoints ?? KlingEndpoints.Default, _handler, TimeProvider.System);

    /// <summary>Which shell this is.</summary>
    public KlingSetupCheck CheckShell() => Check("Shell", name =>
    {
        var version = Version.Parse(PSVersion.Split('-', '+')[0]);
        string what = $"PowerShell {PSVersion} on {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}";
        return version < s_leastShell ? KlingSetupCheck.Failed(name, $"{what}.", $"KlingPS needs PowerShell {s_leastShell} or later.")
            : KlingSetupCheck.Ok(name, HostInteraction.CanAsk(_context.Shell.Host) ? $"{what}." : $"{what}, with nobody to ask.");
    });

    /// <summary>Which module this is, and whether it is complete.</summary>
    public static KlingSetupCheck CheckModule() => Check("Module", name =>
    {
        _ = SqliteProvider.Factory;
        System.Reflection.Assembly assembly = typeof(SetupChecks).Assembly;
        return KlingSetupCheck.Ok(name, $"KlingPS {assembly.GetName().Version!.ToString(3)} in '{Path.GetDirectoryName(assembly.Location)}', with SQLite for this platform.");
    });

    /// <summary>Whether the settings can be used.</summary>
    public KlingSetupCheck CheckConfiguration() => Check("Configuration", name =>
    {
        KlingConfiguration configuration = _context.Settings.Current;
        _ = configuration.ToEndpoints();
        RequireUsableFiles(configuration);
        string limit = configuration.DailyCreditCap is decimal cap ? FormattableString.Invariant($"No more than {cap:0.##} credits are spent in a day.") : "There is no daily limit (DailyCreditCap).";
        if (_context.Settings.File.UnknownNames is { Count: > 0 } unknown)
        {
            return KlingSetupCheck.Warning(
                name,
                $"{ConfigurationRules.DescribeUnknown(configuration.Path, unknown)} {limit}",
                "Correct the names, or delete them; Get-KlingConfiguration shows the settings that there are. A name that begins with an underscore is a comment.");
        }

        if ((configuration.DescribeMissing(configuration.Endpoint) ?? configuration.DescribeOther(configuration.Endpoint)) is string missing)
        {
            return KlingSetupCheck.Warning(name, $"There is no configuration file at '{configuration.Path}'. {limit}", missing);
        }

        return KlingSetupCheck.Ok(name, File.Exists(configuration.Path)
            ? $"The configuration '{configuration.Path}' is in order. {limit}"
            : $"There is no configuration file at '{configuration.Path}', so the defaults and the environment count. {limit}");
    });

    /// <summary>Whether a vault would ask for its password.</summary>
    public KlingSetupCheck CheckVault() => Check("Vault", name =>
    {
        if (_configuration is null)
        {
            return KlingSetupCheck.Skipped(name, NoConfiguration);
        }

        var store = new SecretStore(Unattended, _configuration.SecretName, _configuration.Vault);
        if (!store.IsInstalled)
        {
            return IsSecretNamed
                ? Judge("The configuration names a secret for the key, and SecretManagement is not installed.", "Install it, with a vault, for the user who runs the command: Install-PSResource Microsoft.PowerShell.SecretManagement, Microsoft.PowerShell.SecretStore.")
                : KlingSetupCheck.Skipped(name, "SecretManagement is not installed, so no vault is asked for the key.");
        }

        SecretAnswer answer = store.Read();
        using (answer.Secret)
        {
            return answer.Secret is not null ? KlingSetupCheck.Ok(name, $"The secret '{_configuration.SecretName}' is read without a question.")
                : answer.NeedsPassword ? Judge("A vault would ask for its password, and in an unattended run nobody is there to answer.", answer.Problem!)
                : IsSecretNamed ? Judge("The configuration names a secret for the key that no vault gives.", answer.Problem!)
                : KlingSetupCheck.Skipped(name, $"No vault has the secret '{_configuration.SecretName}'; the key comes from elsewhere, or not at all.");
        }

        // If the environment has a key, a run goes on with that.
        KlingSetupCheck Judge(string message, string advice) => Environment.GetEnvironmentVariable(KeySource.Variable) is { Length: > 0 } || KeySource.FilePath is not null
            ? KlingSetupCheck.Warning(name, $"{message} The key comes from the environment instead.", advice)
            : KlingSetupCheck.Failed(name, message, advice);
    });

    /// <summary>Whether a key is found without asking anybody.</summary>
    public KlingSetupCheck CheckKey() => Check("Key", name =>
    {
        if (_configuration is null || _endpoints is null)
        {
            return KlingSetupCheck.Skipped(name, NoConfiguration);
        }

        FoundKey found;
        try
        {
            found = _keys.Find(_configuration);
        }
        catch (KlingException exception) when (Connected is not null)
        {
            return KlingSetupCheck.Warning(
                name,
                $"This session is connected with a key ({Connected.KeySource}, fingerprint {Connected.Fingerprint}), but a new one would find none. {exception.Message}",
                exception.AdviceOn(isOfTask: false));
        }

        string fingerprint = found.Key.Fingerprint(_endpoints.Api);
        string what = $"The key is found in the {found.Source.Text}; its fingerprint is {fingerprint}.";
        if (Connected is null)
        {
            _session = SessionFactory.Create(_configuration, _endpoints, found, _keys.FindLedgerPassword(_configuration), proxyCredentials: null, _context.Connection.Sandbox.IsAt(_endpoints));
            return KlingSetupCheck.Ok(name, what);
        }

        found.Key.Dispose();
        return Connected.Fingerprint == fingerprint
            ? KlingSetupCheck.Ok(name, what)
            : KlingSetupCheck.Warning(name, $"{what} This session is connected with another one ({Connected.KeySource}, fingerprint {Connected.Fingerprint}), which the further checks use.", "Run Disconnect-KlingAccount first to check what a new session would find.");
    });

    /// <summary>Finds the ledger, before it is checked: its password may be in a vault.</summary>
    /// <returns>What the checks have found already; <see langword="null"/> to go on with <see cref="CheckLedgerAsync(CancellationToken)"/>.</returns>
    public IReadOnlyList<KlingSetupCheck>? FindLedger()
    {
        KlingSetupCheck found = Check("Ledger", name =>
        {
            _ledger = Connected?.Ledger ?? (_configuration is null ? null : _context.Connection.UseLedger(_configuration, _keys));
            return KlingSetupCheck.Skipped(name, NoConfiguration);
        });
        return _ledger is null ? [found, KlingSetupCheck.Skipped("LedgerPlace", NoLedger), KlingSetupCheck.Skipped("Attempts", NoLedger)] : null;
    }

    /// <summary>Whether the ledger can be used, and where it is.</summary>
    public async Task<IReadOnlyList<KlingSetupCheck>> CheckLedgerAsync(CancellationToken cancellationToken)
    {
        ITaskLedger ledger = _ledger!;
        KlingSetupCheck opened = await CheckAsync("Ledger", name => CheckLedgerAsync(name, ledger, cancellationToken)).ConfigureAwait(false);
        return
        [
            opened,
            Check("LedgerPlace", name => IsFile(ledger)
                ? FolderChecks.CheckLedgerPlace(ledger.Location)
                : KlingSetupCheck.Ok(name, $"The ledger is a database of a server, '{ledger.Location}', which several machines can share.")),
            opened.SetupStatus == SetupStatus.Failed
                ? KlingSetupCheck.Skipped("Attempts", NoLedger)
                : await CheckAsync("Attempts", name => CheckAttemptsAsync(name, ledger, cancellationToken)).ConfigureAwait(false),
        ];
    }

    /// <summary>Whether the service can be reached and accepts the key.</summary>
    /// <param name="isOffline">Whether nothing is to be sent.</param>
    /// <param name="cancellationToken">Ends the checks.</param>
    public async Task<IReadOnlyList<KlingSetupCheck>> CheckServiceAsync(bool isOffline, CancellationToken cancellationToken)
    {
        string? reason = isOffline ? "It was not asked, because of -Offline." : _endpoints is null ? NoConfiguration : null;
        if (reason is not null)
        {
            return [.. s_online.Select(name => KlingSetupCheck.Skipped(name, reason))];
        }

        NetworkChecks network = Network;
        KlingSetupCheck proxy = Check("Proxy", _ => network.CheckProxy(_route));
        KlingSetupCheck clock = KlingSetupCheck.Skipped("Clock", "The service did not answer.");
        KlingSetupCheck service = await CheckAsync("Service", async _ =>
        {
            (KlingSetupCheck answered, clock) = await network.CheckServiceAsync(cancellationToken).ConfigureAwait(false);
            return answered;
        }).ConfigureAwait(false);
        KlingSetupCheck upload = await CheckAsync("UploadHost", _ => network.CheckUploadHostAsync(cancellationToken)).ConfigureAwait(false);
        KlingSetupCheck account = service.SetupStatus == SetupStatus.Failed
            ? KlingSetupCheck.Skipped("Account", "The service did not answer.")
            : await CheckAsync("Account", name => CheckAccountAsync(name, cancellationToken)).ConfigureAwait(false);
        return [proxy, service, upload, clock, account];
    }

    /// <summary>Whether videos can be saved in a folder.</summary>
    /// <param name="destination">Gives the full path, or <see langword="null"/> for the configured one; anything that is not a path fails the check.</param>
    public KlingSetupCheck CheckDestination(Func<string?> destination) => Check("Destination", name
        => (destination() ?? _configuration?.DefaultDestination) is string folder
            ? FolderChecks.CheckDestination(folder)
            : KlingSetupCheck.Skipped(name, "No folder is given with -Destination, and none is configured."));

    /// <summary>Whether callbacks can come in.</summary>
    /// <param name="address">The address that they come to; <see langword="null"/> for none.</param>
    /// <param name="isOffline">Whether nothing is to be connected to.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    public Task<KlingSetupCheck> CheckCallbackAsync(string? address, bool isOffline, CancellationToken cancellationToken) => CheckAsync("Callback", name
        => address is null ? Task.FromResult(KlingSetupCheck.Skipped(name, "No address is given with -CallbackUri."))
            : isOffline ? Task.FromResult(KlingSetupCheck.Skipped(name, "It was not connected to, because of -Offline."))
            : Network.CheckCallbackAsync(address, cancellationToken));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _handler.Dispose();
        await SessionEnd.Begin(_session).ConfigureAwait(false);
    }

    private bool IsSecretNamed => _configuration!.IsSet(nameof(KlingConfiguration.SecretName)) || _configuration.IsSet(nameof(KlingConfiguration.Vault));

    private static bool IsFile(ITaskLedger ledger) => Path.IsPathFullyQualified(ledger.Location);

    private static string PSVersion => RunFacts.ShellVersion;

    private static async Task<KlingSetupCheck> CheckLedgerAsync(string name, ITaskLedger ledger, CancellationToken cancellationToken)
    {
        if (!await ledger.ExistsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!IsFile(ledger))
            {
                return KlingSetupCheck.Ok(name, $"There is no ledger in '{ledger.Location}' yet; the first purchase creates one.");
            }

            FolderChecks.RequireLedgerCreatable(ledger.Location);
            string begun = $"There is no ledger at '{ledger.Location}' yet; the first purchase creates one.";
            return LedgerLocation.FindOther(ledger.Location) is string other
                ? KlingSetupCheck.Warning(name, begun, other)
                : KlingSetupCheck.Ok(name, begun);
        }

        await ledger.OpenAsync(cancellationToken).ConfigureAwait(false);

        // A ledger can be opened and read although lost attempts cannot be settled, but nothing can be bought with it.
        await ledger.Tasks.RecoverAsync(cancellationToken).ConfigureAwait(false);
        return KlingSetupCheck.Ok(name, FormattableString.Invariant($"The ledger '{ledger.Location}' can be read and written; its format is {Schema.Version}."));
    }

    private async Task<KlingSetupCheck> CheckAttemptsAsync(string name, ITaskLedger ledger, CancellationToken cancellationToken)
    {
        // Those of another account can only be settled with a key of theirs. A key that the ledger does not know may be of any account.
        string? key = (Connected ?? _session)?.Fingerprint;
        IReadOnlyList<AccountKey> keys = await ledger.Accounts.ListAsync(cancellationToken).ConfigureAwait(false);
        var filter = new SpendFilter { Account = keys.FirstOrDefault(known => known.Fingerprint == key)?.Account };
        IReadOnlyList<KlingSpend> accounts = await ledger.Spending.SumAsync(filter, KlingSpendGroup.Account, cancellationToken).ConfigureAwait(false);
        int unknown = accounts.Sum(account => account.Unknown);
        return unknown == 0
            ? KlingSetupCheck.Ok(name, "There are no requests whose acceptance is unknown.")
            : KlingSetupCheck.Warning(
                name,
                unknown == 1 ? "It is not known whether 1 request was accepted; its image is not bought again until that is resolved." : $"It is not known whether {unknown} requests were accepted; their images are not bought again until that is resolved.",
                "Get-KlingVideoTask -State Unknown lists them, and Resolve-KlingVideoTask resolves them.");
    }

    private async Task<KlingSetupCheck> CheckAccountAsync(string name, CancellationToken cancellationToken)
    {
        if ((Connected ?? _session) is not KlingSession session)
        {
            return KlingSetupCheck.Skipped(name, "There is no key to ask with.");
        }

        decimal credits = await session.CreateProbingClient(observer: null).GetCreditsAsync(cancellationToken).ConfigureAwait(false);
        session.LastBalance = new AccountBalance(credits, session.TimeProvider.GetUtcNow());
        string what = FormattableString.Invariant($"The service takes the key{(session.IsSandbox ? ", in the sandbox" : string.Empty)}; the account has {credits:0.##} credits left.");
        return credits <= 0 ? KlingSetupCheck.Failed(name, what, "Add credits at https://kie.ai/billing.")
            : credits < LeastBalance ? KlingSetupCheck.Warning(name, what, "That is less than a video of 5 seconds costs with the default model. Add credits at https://kie.ai/billing.")
            : KlingSetupCheck.Ok(name, what);
    }

    /// <summary>Makes sure that a run does not end at once because of where it is to log and to report.</summary>
    private void RequireUsableFiles(KlingConfiguration configuration)
    {
        if (configuration.LogPath is string log)
        {
            Require(nameof(configuration.LogPath), log, RunLog.RequireLog);
        }

        if (configuration.ReportPath is string template)
        {
            DateTimeOffset now = TimeProvider.System.GetUtcNow();
            Require(nameof(configuration.ReportPath), RunReportFile.Expand(template, RunId.Create(now), now), RunReportFile.RequireReplaceable);
        }

        void Require(string setting, string path, Action<string> require)
        {
            try
            {
                _context.RequireNotKept(path);
                require(path);
            }
            catch (KlingException exception)
            {
                throw exception.WithMessage($"With this {setting}, every run ends before it begins: {exception.Message}");
            }
        }
    }

    private KlingConfiguration? TryGetConfiguration()
    {
        try
        {
            return _context.Settings.Current;
        }
        catch (KlingException)
        {
            return null;
        }
    }

    private KlingEndpoints? TryGetEndpoints()
    {
        try
        {
            return _configuration?.ToEndpoints();
        }
        catch (KlingException)
        {
            return null;
        }
    }

    private static KlingSetupCheck Check(string name, Func<string, KlingSetupCheck> check)
    {
        try
        {
            return check(name);
        }
        catch (Exception exception) when (Failures.IsError(exception))
        {
            return KlingSetupCheck.Failed(name, UnexpectedError.From(exception, $"the check '{name}'"));
        }
    }

    private static async Task<KlingSetupCheck> CheckAsync(string name, Func<string, Task<KlingSetupCheck>> check)
    {
        try
        {
            return await check(name).ConfigureAwait(false);
        }
        catch (Exception exception) when (Failures.IsError(exception) && exception is not OperationCanceledException)
        {
            return KlingSetupCheck.Failed(name, UnexpectedError.From(exception, $"the check '{name}'"));
        }
    }
}
