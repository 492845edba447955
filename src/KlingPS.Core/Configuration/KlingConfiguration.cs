using KlingPS.Core.Api;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Configuration;

/// <summary>The settings in force, each with its source: a parameter takes precedence over the environment, that over the configuration file, and that over the module's own default.</summary>
public sealed record KlingConfiguration
{
    /// <summary>The name of the secret that holds the key, unless another is given.</summary>
    internal const string DefaultSecretName = "KlingApiKey";

    /// <summary>The environment variable that holds the address of the jobs API.</summary>
    internal const string EndpointVariable = "KLINGPS_ENDPOINT";

    /// <summary>The environment variable that holds the address of the upload host.</summary>
    internal const string UploadEndpointVariable = "KLINGPS_UPLOAD_ENDPOINT";

    private const string FromParameter = "parameter";
    private const string FromFile = "configuration";
    private const string FromDefault = "default";

    /// <summary>The configuration file; need not exist.</summary>
    public required string Path { get; init; }

    /// <summary>The name of the secret that holds the key.</summary>
    public required string SecretName { get; init; }

    /// <summary>The vault that holds the secret; <see langword="null"/> to search every registered one.</summary>
    public string? Vault { get; init; }

    /// <summary>The address of the jobs API.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>The address that uploads go to.</summary>
    public required Uri UploadEndpoint { get; init; }

    /// <summary>The proxy to go through; <see langword="null"/> for that of the system or of HTTPS_PROXY, if there is one.</summary>
    public Uri? Proxy { get; init; }

    /// <summary>Where the ledger is: the full path of a file, or the address of a PostgreSQL database, without its password.</summary>
    public string Ledger => LedgerAddress.Shown;

    /// <summary>The name of the secret that holds the password of the ledger's database; <see langword="null"/> to look for it elsewhere.</summary>
    public string? LedgerSecretName { get; init; }

    /// <summary>Where the ledger is.</summary>
    internal LedgerAddress LedgerAddress { get; init; } = new FileAddress(string.Empty);

    /// <summary>The most credits the account may spend on one day, from midnight to midnight local time, with a ledger on a server in its time zone; <see langword="null"/> for no limit.</summary>
    public decimal? DailyCreditCap { get; init; }

    /// <summary>The full path of the folder that videos go to when no other is given; <see langword="null"/> for the current one.</summary>
    public string? DefaultDestination { get; init; }

    /// <summary>The full path of the file that events are appended to; <see langword="null"/> for none.</summary>
    public string? LogPath { get; init; }

    /// <summary>The full path of the file for a run's report, in which {Date} and {RunId} stand for when the run began and for its id; <see langword="null"/> for none.</summary>
    public string? ReportPath { get; init; }

    /// <summary>The seconds between two looks at a task; <see langword="null"/> to plan them from experience.</summary>
    public double? PollingInterval { get; init; }

    /// <summary>How many seconds a request may go unanswered.</summary>
    public required double RequestTimeout { get; init; }

    /// <summary>Where each setting comes from, in words, by its name: <c>parameter</c>, <c>environment variable …</c>, <c>configuration</c> or <c>default</c>.</summary>
    public required IReadOnlyDictionary<string, string> Source { get; init; }

    /// <summary>The endpoints in the form that requests use.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: one is not https.</exception>
    internal KlingEndpoints ToEndpoints() => new(Endpoint, UploadEndpoint);

    /// <summary>Whether anyone has set a setting.</summary>
    /// <param name="name">Its name.</param>
    internal bool IsSet(string name) => Source[name] != FromDefault;

    /// <summary>
    /// What to tell a user whose environment names a configuration that does not exist. The limit that the file would have set does not apply,
    /// nor does its ledger if nothing else says which one to use, and what that ledger knows would be bought again.
    /// </summary>
    /// <param name="endpoint">The service in use, as for <see cref="DescribeNewLedger"/>. If nothing costs anything, only a different ledger is mentioned.</param>
    /// <returns><see langword="null"/> if there is nothing to tell.</returns>
    internal string? DescribeMissing(Uri endpoint) => DescribeMissing(endpoint, Environment.GetEnvironmentVariable);

    /// <inheritdoc cref="DescribeMissing(Uri)"/>
    /// <param name="endpoint">The service in use.</param>
    /// <param name="environment">Reads an environment variable.</param>
    internal string? DescribeMissing(Uri endpoint, Func<string, string?> environment)
    {
        bool isLedgerNamed = IsSet(nameof(Ledger));
        if (string.IsNullOrEmpty(environment(ConfigurationFile.Variable)) || (isLedgerNamed && endpoint.IsLoopback) || File.Exists(Path))
        {
            return null;
        }

        string ledger = isLedgerNamed ? string.Empty : $" The ledger in use is '{Ledger}'; what another one knows would be bought again.";
        return $"The environment variable {ConfigurationFile.Variable} names the configuration '{Path}', but there is no such file. None of its settings are in force{WithoutLimit}.{ledger} "
            + "Correct the variable, or restore the file; if there should be none, remove the variable.";
    }

    /// <summary>
    /// What to tell a user whose configuration is not where this shell looks for it, because something has made the shell look elsewhere; see
    /// <see cref="UserHomes"/>. The limit and the ledger that are set there would silently not apply.
    /// </summary>
    /// <param name="endpoint">The service in use. One on this machine costs nothing.</param>
    /// <returns><see langword="null"/> if there is nothing to tell.</returns>
    internal string? DescribeOther(Uri endpoint) => DescribeOther(endpoint, Environment.GetEnvironmentVariable, UserHomes.Of);

    /// <inheritdoc cref="DescribeOther(Uri)"/>
    /// <param name="endpoint">The service in use.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="homeOf">See <see cref="UserHomes.Of"/>.</param>
    internal string? DescribeOther(Uri endpoint, Func<string, string?> environment, Func<string, string?> homeOf)
    {
        bool isNamed = !string.IsNullOrEmpty(environment(ConfigurationFile.Variable));
        if (isNamed || endpoint.IsLoopback || File.Exists(Path) || ConfigurationFile.FindOther(Path, environment, homeOf) is not string other)
        {
            return null;
        }

        string ledger = IsSet(nameof(Ledger)) ? string.Empty : ", and the ledger that it may name is not used";
        return $"This shell looks for the configuration at '{Path}', where there is none. There is one at the usual place, '{other}', but none of its settings are in force{WithoutLimit}{ledger}. "
            + $"To use it, set the environment variable {ConfigurationFile.Variable} to its path, or start the shell without what changes XDG_CONFIG_HOME, HOME or the user.";
    }

    /// <summary>What it means for the daily limit that no setting is in force, as a clause; nothing if the command sets a limit of its own.</summary>
    private string WithoutLimit => IsSet(nameof(DailyCreditCap)) ? string.Empty : ", so there is no daily limit";

    /// <summary>
    /// What to tell a user who has named a ledger file that does not exist, before the first purchase creates it. It may be on a volume
    /// that is not mounted, or its path may be mistyped; and with an empty ledger everything is bought again.
    /// </summary>
    /// <param name="endpoint">The service in use, which need not be the one that is set. One on this machine costs nothing.</param>
    /// <returns><see langword="null"/> if there is nothing to tell.</returns>
    internal string? DescribeNewLedger(Uri endpoint)
        => LedgerAddress is not FileAddress file || !IsSet(nameof(Ledger)) || endpoint.IsLoopback || System.IO.Path.Exists(file.Path) ? null
            : $"The ledger is '{file.Path}' (from: {Source[nameof(Ledger)]}), and there is no such file, so an empty one will be created there. If there was one, such as on a volume that is not mounted now, "
                + "stop this command and restore it: the empty one does not know what was bought, and all of that would be bought again.";

    /// <summary>Decides which source of each setting wins.</summary>
    internal static KlingConfiguration Resolve(string path, ConfigurationValues file, ConfigurationValues given, Func<string, string?> environment)
    {
        SecretForms.RequireName(given.SecretName, "SecretName");
        SecretForms.RequireName(given.Vault, "Vault");
        var source = new Dictionary<string, string>();
        Uri? endpointVariable = given.Endpoint is null ? AddressOf(EndpointVariable, environment) : null;
        Uri endpoint = Choose(nameof(Endpoint), given.Endpoint, endpointVariable, EndpointVariable, file.Endpoint) ?? KlingEndpoints.Default.Api;

        // If someone names another service and no upload host, that service is meant for both: neither the real upload host nor
        // one that a weaker source names for its own service may get the key. The real service takes no uploads where its jobs
        // API is, even if somebody has spelled its address out.
        bool isGiven = given.Endpoint is not null;
        bool isNamed = isGiven || endpointVariable is not null;
        Uri uploadEndpoint = Choose(
            nameof(UploadEndpoint),
            given.UploadEndpoint,
            isGiven ? null : AddressOf(UploadEndpointVariable, environment),
            UploadEndpointVariable,
            isNamed ? null : file.UploadEndpoint)
            ?? (KlingEndpoints.IsDefaultApi(endpoint) ? KlingEndpoints.Default.Upload : endpoint);
        if (source[nameof(UploadEndpoint)] == FromDefault && !KlingEndpoints.IsDefaultApi(endpoint))
        {
            source[nameof(UploadEndpoint)] = "the same as Endpoint";
        }

        LedgerAddress ledger = LedgerLocation.Resolve(file.Ledger, environment);
        Choose(nameof(Ledger), null, environment(LedgerLocation.Variable) is { Length: > 0 } variable ? variable : null, LedgerLocation.Variable, file.Ledger);
        return new KlingConfiguration
        {
            Path = path,
            SecretName = Choose(nameof(SecretName), given.SecretName, null, null, file.SecretName) ?? DefaultSecretName,
            Vault = Choose(nameof(Vault), given.Vault, null, null, file.Vault),
            Endpoint = endpoint,
            UploadEndpoint = uploadEndpoint,
            Proxy = Choose(nameof(Proxy), given.Proxy, null, null, file.Proxy),
            LedgerAddress = ledger,
            LedgerSecretName = Choose(nameof(LedgerSecretName), null, null, null, file.LedgerSecretName),
            DailyCreditCap = ChooseNumber(nameof(DailyCreditCap), given.DailyCreditCap, file.DailyCreditCap),
            DefaultDestination = Choose(nameof(DefaultDestination), given.DefaultDestination, null, null, file.DefaultDestination),
            LogPath = Choose(nameof(LogPath), given.LogPath, null, null, file.LogPath),
            ReportPath = Choose(nameof(ReportPath), given.ReportPath, null, null, file.ReportPath),
            PollingInterval = ChooseNumber(nameof(PollingInterval), given.PollingInterval, file.PollingInterval),
            RequestTimeout = ChooseNumber(nameof(RequestTimeout), given.RequestTimeout, file.RequestTimeout) ?? KlingClientOptions.DefaultRequestTimeout.TotalSeconds,
            Source = source,
        };

        T? Choose<T>(string name, T? parameter, T? fromEnvironment, string? variable, T? configured)
            where T : class
        {
            source[name] = parameter is not null ? FromParameter
                : fromEnvironment is not null ? $"environment variable {variable}"
                : configured is not null ? FromFile
                : FromDefault;
            return parameter ?? fromEnvironment ?? configured;
        }

        T? ChooseNumber<T>(string name, T? parameter, T? configured)
            where T : struct
        {
            source[name] = parameter is not null ? FromParameter : configured is not null ? FromFile : FromDefault;
            return parameter ?? configured;
        }
    }

    /// <summary>The address in an environment variable. One that cannot be an endpoint is refused here, so that it is never shown.</summary>
    private static Uri? AddressOf(string variable, Func<string, string?> environment)
    {
        string? value = OwnVariable.Read(variable, environment, ErrorKind.RequestInvalid);
        return value is null ? null
            : !Uri.TryCreate(value, UriKind.Absolute, out Uri? uri)
                ? throw new KlingException(ErrorKind.RequestInvalid, $"The environment variable {variable} does not hold an absolute address, such as https://api.kie.ai/.")
            : KlingEndpoints.FindProblem(uri) is string problem
                ? throw new KlingException(ErrorKind.RequestInvalid, $"The environment variable {variable} holds what cannot be used: {problem}")
            : uri;
    }
}
