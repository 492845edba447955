using System.Management.Automation;
using System.Text;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Reporting;
using KlingPS.Core.Sessions;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Writes what a monitor should know to a file in the text format of Prometheus, from the ledger.</summary>
[Cmdlet(VerbsData.Export, "KlingMetric", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportKlingMetricCommand : KlingCommand
{
    private const string Extension = ".prom";

    /// <summary>The file; an existing file of metrics is replaced.</summary>
    [Parameter(Position = 0)]
    [Usage(IsRequired = true)]
    [NotBlank]
    public string Path { get; set; } = string.Empty;

    /// <summary>Does not ask the service for the credits that are left.</summary>
    [Parameter]
    public SwitchParameter Offline { get; set; }

    /// <summary>Replaces a file that is not one of metrics.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override string HowToGive => "Say where the file goes, such as: Export-KlingMetric /var/lib/node_exporter/klingps.prom.";

    /// <inheritdoc/>
    private protected override object? ErrorTarget => Path;

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        string path = Context.Shell.Paths.GetLiteralPath(Path);
        Context.RequireNotKept(path);
        RequireReplaceable(path);
        if (!path.EndsWith(Extension, StringComparison.Ordinal))
        {
            WriteWarning($"The textfile collector of Prometheus reads files whose names end with {Extension}, which '{path}' does not.");
        }

        if (!ShouldProcess(path, "Write metrics"))
        {
            return;
        }

        List<LedgerMetrics> metrics = Read();
        string text = LedgerMetrics.Write(metrics, GetType().Assembly.GetName().Version!.ToString(3), TimeProvider.System.GetUtcNow());
        try
        {
            // The collector runs as another user.
            OwnFile.Replace(path, Encoding.UTF8.GetBytes(text), FileReaders.Everyone);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.DestinationUnusable, $"The metrics were not written to '{path}': {exception.Message}", exception)
            {
                Advice = $"{FileTrouble.AdviseOnWriting(exception, "Choose another -Path.")} The metrics of the last time, if there are any, are as they were.",
            };
        }

        WriteObject(InvokeProvider.Item.Get([path], force: true, literalPath: true).Single());
    }

    /// <summary>Refuses to replace anything that is not a file of metrics.</summary>
    private void RequireReplaceable(string path)
    {
        FileFacts? facts = FileFacts.OfName(path);
        if (facts?.Kind == FileKind.Folder)
        {
            throw new KlingException(ErrorKind.DestinationUnusable, $"The metrics cannot be written to '{path}', because it is a folder.")
            {
                Advice = "Name the file in it, such as klingps.prom.",
            };
        }

        if (Force || facts is not FileFacts present)
        {
            return;
        }

        string beginning;
        try
        {
            OwnFile.RequireOrdinary(present, path);
            beginning = Encoding.UTF8.GetString(OrdinaryFile.ReadBeginning(path, LedgerMetrics.Mark.Length, FileShare.ReadWrite | FileShare.Delete));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.FileExists, $"The metrics were not written. {exception.Message}", exception)
            {
                Advice = "Give the path of another file.",
            };
        }

        if (present.Length > 0 && beginning != LedgerMetrics.Mark)
        {
            throw new KlingException(ErrorKind.FileExists, $"'{path}' exists and does not hold metrics of KlingPS. It was left as it is.")
            {
                Advice = "Use -Force to replace it, or give the path of another file.",
            };
        }
    }

    /// <summary>The metrics of the account in use, or of all accounts in the ledger if there is no key.</summary>
    private List<LedgerMetrics> Read()
    {
        (ITaskLedger ledger, string? own) = Context.LookAtRecords();
        IReadOnlyList<AccountKey> keys = Await(ledger.Accounts.ListAsync);
        string[] accounts = own is null ? [.. keys.Select(key => key.Account).Distinct()] : [keys.FirstOrDefault(key => key.Fingerprint == own)?.Account ?? own];
        decimal? balance = own is null || Offline ? null : FindBalance();
        decimal? cap = Context.Settings.Current.DailyCreditCap;
        var metrics = new List<LedgerMetrics>();
        foreach (string account in accounts)
        {
            metrics.Add(Await(token => LedgerMetrics.ReadAsync(ledger, account, token)) with { Balance = balance, DailyCap = cap });
        }

        return metrics;
    }

    /// <summary>What the account has left. A monitor has to get the rest even while the service is unreachable.</summary>
    private decimal? FindBalance()
    {
        try
        {
            KlingSession session = Context.Session;
            decimal credits = Await(session.CreateProbingClient(Context.Observer).GetCreditsAsync);
            session.LastBalance = new AccountBalance(credits, session.TimeProvider.GetUtcNow());
            return credits;
        }
        catch (KlingException exception)
        {
            WriteWarning($"The metrics are written without the credits that are left: {exception.Message}");
            return null;
        }
    }
}
