using KlingPS.Core;
using KlingPS.Core.Configuration;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Reporting;
using KlingPS.Core.Saving;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;
using KlingPS.Core.Waiting;
using KlingPS.Hosting;

namespace KlingPS.Sessions;

/// <summary>What one command works with. Does not know the cmdlet; used on the pipeline thread only.</summary>
internal sealed class CommandContext : IDisposable
{
    private readonly ICommandStreams _streams;
    private readonly PipelineBridge _bridge;
    private readonly string _activity;
    private CommandProgress? _progress;
    private CommandObserver? _observer;
    private KlingSession? _session;
    private KlingService? _service;

    /// <summary>Creates the context.</summary>
    /// <param name="streams">The streams of the command.</param>
    /// <param name="bridge">Waits for asynchronous work.</param>
    /// <param name="shell">What PowerShell gives the command.</param>
    /// <param name="activity">What the progress bar says the command does.</param>
    public CommandContext(ICommandStreams streams, PipelineBridge bridge, ShellAccess shell, string activity)
    {
        _streams = streams;
        _bridge = bridge;
        _activity = activity;
        Shell = shell;
        Keys = new KeyFinder(shell.Commands, streams);
        Settings = new CommandSettings(text =>
        {
            if (Connection.IsNews(text))
            {
                streams.WriteWarning(text);
            }
        });
    }

    /// <summary>What PowerShell gives the command.</summary>
    public ShellAccess Shell { get; }

    /// <summary>The log of the command, if it has one; set before anything is done.</summary>
    public RunLog? Log { get; set; }

    /// <summary>What the runspace is connected to.</summary>
    public RunspaceConnection Connection { get; } = RunspaceConnection.Current;

    /// <summary>The configuration, read once.</summary>
    public CommandSettings Settings { get; }

    /// <summary>Looks for the API key if none was given.</summary>
    public KeyFinder Keys { get; }

    /// <summary>The progress bar.</summary>
    public CommandProgress Progress => _progress ??= new CommandProgress(
        _streams,
        _activity,
        isSilent: Shell.Common.IsProgressSilent || HostInteraction.IsUnattendedConsole(Shell.Host),
        Connection.ProgressPace);

    /// <summary>Tells the user what Core does. May be used on any thread, once it is made.</summary>
    public CommandObserver Observer => _observer ??= new CommandObserver(_streams, Progress, Shell.Common.IsVerbose, Shell.Common.IsDebug, Log);

    /// <summary>How long the command may take, if that is limited: opening the ledger observes it, too.</summary>
    public TimeSpan? TimeLimit { get; set; }

    /// <summary>Whether the command was given tasks that others have read from the ledger, or have bought.</summary>
    public bool HasTasksInHand { get; set; }

    /// <summary>The session that the command works with; until it has one, that of the runspace, if there is one. None is made.</summary>
    public KlingSession? PresentSession => _session ?? Connection.Session;

    /// <summary>A text without the key of the command's session, or of that of the runspace once its own has ended.</summary>
    public string Redact(string text) => PresentSession?.Key.TryRedact(text) ?? Connection.Session?.Key.TryRedact(text) ?? text;

    /// <summary>The session to work with: the connected one, or one from the key that is found elsewhere.</summary>
    /// <exception cref="KlingException">There is no key, or the settings cannot be used.</exception>
    public KlingSession Session => _session ??= Connection.GetSession(Settings, Keys);

    /// <summary>What the parts of the command share; its ledger is open: nothing is uploaded or bought that could not be recorded.</summary>
    /// <exception cref="KlingException">There is no key, the settings cannot be used, or the ledger cannot be opened.</exception>
    public KlingService Service => _service ??= Begin(canBeLost: false);

    /// <summary>How the command has lost its ledger while it was at work; <see langword="null"/> if it has not.</summary>
    public KlingException? LostLedger => _service?.Loss.Error;

    /// <summary>
    /// The same for a command that only finishes what is paid for: if it already has tasks, and the ledger is a database that was lost
    /// since they were read, it begins all the same, as one that has lost its ledger. What it cannot record is kept on this machine.
    /// </summary>
    /// <exception cref="KlingException">As <see cref="Service"/>.</exception>
    public KlingService ServiceToFinish => _service ??= Begin(canBeLost: true);

    /// <summary>
    /// Refuses to write to places where the module keeps its own indispensable files, whatever the user allows and whether or not they exist yet, and
    /// to overwrite what videos are made from, what was paid for, and what people have chosen.
    /// </summary>
    /// <param name="path">The full path of what is to be written.</param>
    /// <exception cref="KlingException">
    /// <see cref="ErrorKind.DestinationUnusable"/>: the ledger or the configuration is there. <see cref="ErrorKind.FileExists"/>: a file of the user's is there.
    /// </exception>
    public void RequireNotKept(string path)
    {
        if (Settings.Current.LedgerAddress is FileAddress ledger)
        {
            foreach (string part in (string[])[string.Empty, "-wal", "-shm", "-journal"])
            {
                Require(ledger.Path + part, "the ledger, which knows what has been bought");
            }
        }

        string configuration = ConfigurationFile.Locate();
        Require(configuration, "the configuration");
        Require(configuration + ".lock", "the configuration");
        if (KeptFiles.Describe(path) is string work)
        {
            throw new KlingException(ErrorKind.FileExists, $"'{path}' is {work}, and was left as it is.") { Advice = "Give the path of another file." };
        }

        void Require(string kept, string what)
        {
            if (Place.IsSame(path, kept))
            {
                throw new KlingException(ErrorKind.DestinationUnusable, $"'{path}' is the place of {what}. Nothing else is written there.")
                {
                    Advice = "Give the path of another file.",
                };
            }
        }
    }

    /// <summary>The ledger to read, which need not exist, and the account whose tasks are shown; without a key, those of all accounts.</summary>
    /// <exception cref="KlingException">The settings cannot be used, or the ledger cannot be opened.</exception>
    public (ITaskLedger Ledger, string? Account) LookAtLedger() => Look(() => Exists(Session.Ledger) ? Service.Session.Account : Session.Account);

    /// <summary>The ledger, opened for changes, and the account whose tasks may be changed; without a usable key, those of all accounts.</summary>
    /// <exception cref="KlingException">The settings cannot be used, or the ledger cannot be opened.</exception>
    public (ITaskLedger Ledger, string? Account) OpenLedger()
    {
        (ITaskLedger ledger, string? account) = LookAtLedger();
        if (account is null && Exists(ledger))
        {
            Open(ledger);
        }

        return (ledger, account);
    }

    /// <summary>The ledger to read and the account of the key, as far as that is known without asking: nothing is sent. All accounts if there is no usable key.</summary>
    /// <exception cref="KlingException">The settings cannot be used, or the ledger cannot be opened.</exception>
    public (ITaskLedger Ledger, string? Account) LookAtRecords() => Look(() => Session.Account);

    private (ITaskLedger Ledger, string? Account) Look(Func<string> findAccount)
    {
        try
        {
            string account = findAccount();
            return (Session.Ledger, account);
        }
        catch (KlingException exception) when (exception.Kind is ErrorKind.ApiKeyMissing or ErrorKind.Unauthorized)
        {
            return (Connection.UseLedger(Settings.Current, Keys), null);
        }
    }

    private KlingService Begin(bool canBeLost)
    {
        KlingSession session = Session;
        KlingException? lost = null;
        try
        {
            // A command that only says what it would do does not create a ledger either.
            if (!Shell.Common.IsWhatIf || Exists(session.Ledger))
            {
                Open(session.Ledger);

                // Before the service is made: the account says which limits its requests count against.
                _bridge.Run(new AccountFinder(session, Observer).FindAsync);
            }
        }
        catch (KlingException exception) when (HasTasksInHand && LedgerLoss.IsOf(session.Ledger, exception))
        {
            // Something was sent, although not by this command.
            exception.Advice = AnswerSpool.HowToGoOn;
            if (!canBeLost)
            {
                throw;
            }

            lost = exception;
        }

        var service = new KlingService(session, Observer);
        if (lost is not null)
        {
            service.Loss.Note(lost);
        }

        return service;
    }

    private bool Exists(ITaskLedger ledger) => _bridge.Run(async token => await ledger.ExistsAsync(token).ConfigureAwait(false));

    /// <summary>Where videos go.</summary>
    /// <param name="destination">The folder the user gives; the configured one, else the current one, when it is <see langword="null"/>.</param>
    /// <param name="template">What the files are called.</param>
    /// <param name="overwrite">Whether files that exist are overwritten.</param>
    /// <exception cref="KlingException">That is not possible.</exception>
    public SaveOptions GetSaveOptions(string? destination, string template, bool overwrite)
    {
        string folder = destination is null ? Shell.Paths.GetLiteralPath(Settings.Current.DefaultDestination ?? ".") : Shell.Paths.GetFullPath(destination);
        if (Shell.Common.IsWhatIf)
        {
            DestinationFolder.RequireFolder(folder);
        }
        else
        {
            // At the beginning of the pipeline, before an earlier command buys what is to be saved there.
            DestinationFolder.RequireCreatable(folder);
        }

        return new SaveOptions { Destination = folder, Template = NameTemplate.Parse(template), Overwrite = overwrite };
    }

    /// <summary>How long and how often to poll tasks.</summary>
    /// <param name="timeout">The seconds to wait; without limit if it is <see langword="null"/>.</param>
    /// <param name="pollingInterval">The seconds between two polls of a task; the configured ones, else planned, when it is <see langword="null"/>.</param>
    /// <exception cref="KlingException">The settings cannot be used.</exception>
    public WaitOptions GetWaitOptions(double? timeout, double? pollingInterval = null) => new()
    {
        Timeout = timeout is double seconds ? TimeSpan.FromSeconds(seconds) : null,
        PollingInterval = (pollingInterval ?? Settings.Current.PollingInterval) is double interval ? TimeSpan.FromSeconds(interval) : null,
    };

    /// <summary>The deadline of the command, which begins to run now.</summary>
    /// <param name="timeout">How many seconds there are; <see langword="null"/> for no limit.</param>
    public Deadline CreateDeadline(double? timeout) => new(Session.TimeProvider, timeout is double seconds ? TimeSpan.FromSeconds(seconds) : null);

    private void Open(ITaskLedger ledger)
        => _bridge.Run(token => LedgerOpening.OpenAsync(
            ledger.OpenAsync, ledger.Location, TimeLimit == TimeSpan.Zero ? Deadline.Grace : TimeLimit, Observer, TimeProvider.System, token));

    /// <summary>Removes the progress bar, if there is one.</summary>
    public void CompleteProgress() => _progress?.Complete();

    /// <inheritdoc/>
    public void Dispose() => _progress?.Dispose();
}
