using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger;
using KlingPS.Core.Reporting;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Changes the user's configuration file.</summary>
[Cmdlet(VerbsCommon.Set, "KlingConfiguration", SupportsShouldProcess = true)]
[OutputType(typeof(KlingConfiguration))]
public sealed class SetKlingConfigurationCommand : KlingCommand
{
    /// <summary>Settings that a session reads when it is opened.</summary>
    private static readonly string[] s_connecting =
    [
        nameof(SecretName), nameof(Vault), nameof(Endpoint), nameof(UploadEndpoint), nameof(Proxy), nameof(Ledger), nameof(LedgerSecretName), nameof(RequestTimeout),
    ];

    private string? _path;

    /// <summary>The name of the secret that holds the key.</summary>
    [Parameter]
    [NotBlank]
    [ArgumentCompleter(typeof(SecretCompleter))]
    public string? SecretName { get; set; }

    /// <summary>The vault that holds the secret.</summary>
    [Parameter]
    [NotBlank]
    [ArgumentCompleter(typeof(SecretCompleter))]
    public string? Vault { get; set; }

    /// <summary>The service's address: https, or http for this machine itself.</summary>
    [Parameter]
    [ValidateNotNull]
    [Address]
    public Uri? Endpoint { get; set; }

    /// <summary>The address uploads go to; that of the endpoint when only that is set.</summary>
    [Parameter]
    [ValidateNotNull]
    [Address]
    public Uri? UploadEndpoint { get; set; }

    /// <summary>The proxy to go through, without a name and password.</summary>
    [Parameter]
    [ValidateNotNull]
    [Address]
    public Uri? Proxy { get; set; }

    /// <summary>The ledger's file, or the address of a PostgreSQL database without its password.</summary>
    [Parameter]
    [Alias(ConfigurationFile.FormerLedger)]
    [NotBlank]
    public string? Ledger { get; set; }

    /// <summary>The name of the secret that holds the password of the ledger's database.</summary>
    [Parameter]
    [NotBlank]
    [ArgumentCompleter(typeof(SecretCompleter))]
    public string? LedgerSecretName { get; set; }

    /// <summary>The most credits an account may spend on one day.</summary>
    [Parameter]
    [DecimalNumber(IsRequired = true)]
    public decimal? DailyCreditCap { get; set; }

    /// <summary>The folder videos go to when no other is given.</summary>
    [Parameter]
    [NotBlank]
    public string? DefaultDestination { get; set; }

    /// <summary>The file that commands append their events to, as JSON lines.</summary>
    [Parameter]
    [NotBlank]
    public string? LogPath { get; set; }

    /// <summary>The file of the report of a run. {Date} and {RunId} stand for when the run began and for its id.</summary>
    [Parameter]
    [NotBlank]
    public string? ReportPath { get; set; }

    /// <summary>The time between two polls of a task, as seconds or as a time span.</summary>
    [Parameter]
    [Seconds(IsRequired = true)]
    public double? PollingInterval { get; set; }

    /// <summary>How long a request may go unanswered, as seconds or as a time span.</summary>
    [Parameter]
    [Seconds(IsRequired = true)]
    public double? RequestTimeout { get; set; }

    /// <summary>Settings to remove from the file, so that the default applies again.</summary>
    [Parameter]
    [ValidateSet(nameof(SecretName), nameof(Vault), nameof(Endpoint), nameof(UploadEndpoint), nameof(Proxy), nameof(Ledger), nameof(LedgerSecretName), nameof(DailyCreditCap), nameof(DefaultDestination), nameof(LogPath), nameof(ReportPath), nameof(PollingInterval), nameof(RequestTimeout))]
    public string[] Reset { get; set; } = [];

    /// <inheritdoc/>
    private protected override object? ErrorTarget => _path;

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        _path = ConfigurationFile.Locate();
        Dictionary<string, object?> changes = FindChanges();
        if (changes.Count > 0 && ShouldProcess(_path, $"Change {string.Join(", ", changes.Keys.Where(name => name != ConfigurationFile.FormerLedger))}"))
        {
            Await(token => ConfigurationFile.ChangeAsync(_path, changes, TimeProvider.System, token));
            if (Connection.Connected is not null && changes.Keys.Intersect(s_connecting, StringComparer.OrdinalIgnoreCase).Any())
            {
                WriteWarning("The connected account keeps its settings. Run Connect-KlingAccount to use the new ones.");
            }
        }

        WriteObject(Context.Settings.Current);
    }

    private Dictionary<string, object?> FindChanges()
    {
        var changes = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase);
        Add(nameof(SecretName), SecretName);
        Add(nameof(Vault), Vault);
        Add(nameof(Endpoint), Endpoint?.OriginalString);
        Add(nameof(UploadEndpoint), UploadEndpoint?.OriginalString);
        Add(nameof(Proxy), Proxy?.OriginalString);
        Add(nameof(Ledger), Ledger is null ? null : LedgerAddress.IsOfServer(Ledger) ? Ledger.Trim() : GetFullPath(Ledger));
        Add(nameof(LedgerSecretName), LedgerSecretName);
        Add(nameof(DailyCreditCap), DailyCreditCap);
        Add(nameof(DefaultDestination), DefaultDestination is null ? null : GetFullPath(DefaultDestination));
        Require(nameof(LogPath), LogPath is not null && System.IO.Path.EndsInDirectorySeparator(LogPath) ? "is that of a folder; name a file in it" : null);
        Add(nameof(LogPath), LogPath is null ? null : GetFullPath(LogPath));
        Require(nameof(ReportPath), ReportPath is null ? null : RunReportFile.FindProblem(ReportPath));
        Add(nameof(ReportPath), ReportPath is null ? null : RunReportFile.Complete(ReportPath, Context.Shell.Paths.GetLiteralPath));
        Add(nameof(PollingInterval), PollingInterval);
        Add(nameof(RequestTimeout), RequestTimeout);
        foreach (string name in Reset)
        {
            if (changes.TryGetValue(name, out object? value) && value is not null)
            {
                throw new KlingException(ErrorKind.RequestInvalid, $"{name} cannot be set and reset at the same time.");
            }

            changes[name] = null;
        }

        if (changes.ContainsKey(nameof(Ledger)))
        {
            changes[ConfigurationFile.FormerLedger] = null;
        }

        return changes;

        static void Require(string name, string? problem)
        {
            if (problem is not null)
            {
                throw new KlingException(ErrorKind.RequestInvalid, $"The path of {name} {problem}. The configuration file is as it was.");
            }
        }

        void Add(string name, object? value)
        {
            if (MyInvocation.BoundParameters.ContainsKey(name))
            {
                changes[name] = value;
            }
        }
    }
}
