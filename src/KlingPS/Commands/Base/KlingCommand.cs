using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using System.Management.Automation.Internal;
using System.Reflection;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Saving;
using KlingPS.Display;
using KlingPS.Hosting;
using KlingPS.Parameters;
using KlingPS.Sessions;
using KlingPS.Text;

namespace KlingPS.Commands.Base;

/// <summary>
/// The template of all commands. A command declares its parameters and overrides <see cref="OnBegin"/>, <see cref="OnProcess"/> and
/// <see cref="OnEnd"/>; a <see cref="KlingException"/> from one of them ends the command with its error record.
/// </summary>
public abstract class KlingCommand : PSCmdlet, ICommandHost, IDisposable
{
    /// <summary>What PowerShell tells bars apart by besides their ids. With one of its own choice, a bar could not be removed through the host.</summary>
    private const long ProgressSource = long.MaxValue;

    /// <summary>How much of a request and its response is shown; those of the service are far shorter.</summary>
    private const int LongestBody = 100_000;

    /// <summary>
    /// The object that the parameters are bound from. It is internal to PowerShell, and a parameter that took it would change which of
    /// the others are bound. If it cannot be had, columns that are passed over are not reported.
    /// </summary>
    private static readonly PropertyInfo? s_currentPipelineObject = typeof(InternalCommand).GetProperty("CurrentPipelineObject", BindingFlags.Instance | BindingFlags.NonPublic);

    private readonly PipelineBridge _bridge = new();
    private readonly List<IDisposable> _owned = [];
    private CommandContext? _context;
    private readonly HashSet<string> _foreign = new(StringComparer.Ordinal);
    private Dictionary<string, object> _given = [];
    private PassedOverColumns? _passedOver;
    private UnreadableInput? _unreadable;
    private Action? _finishBatch;
    private Action<KlingException, object?>? _refuse;
    private bool _hasRoom;
    private UnfinishedWork.Member? _unfinished;
    private string? _runId;
    private bool _hasEnded;
    private bool _hasToldOfLedger;

    PipelineBridge ICommandHost.Bridge => _bridge;

    bool ICommandHost.StopsAtErrors => Context.Shell.Common.StopsAtErrors;

    CommandProgress ICommandHost.Progress => Context.Progress;

    CancellationToken ICommandStreams.StopToken => _bridge.StopToken;

    /// <summary>What this command works with. Get it on the pipeline thread.</summary>
    private protected CommandContext Context
        => _context ??= new CommandContext(this, _bridge, new ShellAccess(Host, SessionState, MyInvocation.BoundParameters), ProgressActivity);

    /// <summary>Whether a parameter was given to the command itself, and not by the pipeline. Known once the command has begun.</summary>
    private protected bool IsGiven(string parameter) => _given.ContainsKey(parameter);

    /// <summary>What this runspace is connected to.</summary>
    private protected RunspaceConnection Connection => Context.Connection;

    /// <summary>What is paid for and not on disk, to be reported when the pipeline ends early. Available once the command has begun.</summary>
    private protected UnfinishedWork.Member Unfinished => _unfinished!;

    /// <summary>The row that the parameters are being bound from, or were bound from last; <see langword="null"/> if there is none, or if it is not accessible.</summary>
    private protected PSObject? CurrentRow
        => s_currentPipelineObject?.GetValue(this) is PSObject row && row != AutomationNull.Value ? row : null;

    /// <summary>Whether nothing at all, or an empty text, came through the pipeline: most likely a variable that was never set, a blank line, or the NULL of a database.</summary>
    private protected bool IsInputBlank
        => MyInvocation.ExpectingInput && s_currentPipelineObject is not null && BlankText.IsNothing(CurrentRow);

    /// <summary>What the command reads of a table; <see langword="null"/> if it reads none, or if nothing comes through the pipeline.</summary>
    private protected NearColumns? Columns { get; private set; }

    /// <summary>What the progress bar says the command does.</summary>
    private protected virtual string ProgressActivity => MyInvocation.MyCommand.Name;

    /// <summary>How to give the command what it works on, as sentences, for the error of a call that lacks it.</summary>
    private protected virtual string HowToGive => $"Get-Help {MyInvocation.MyCommand.Name} shows what goes with what.";

    /// <summary>Whether the input may be a table whose columns ask for something that is paid for.</summary>
    private protected virtual bool ReadsTables => false;

    /// <summary>Whether the command takes paths, and rows that name them, through the pipeline.</summary>
    private protected virtual bool ReadsPaths => false;

    /// <summary>The end of a message that says that input was refused before anything was done with it; begins with a blank.</summary>
    private protected virtual string NothingDone => string.Empty;

    /// <summary>Whether the command logs what it does.</summary>
    private protected virtual bool HasLog => false;

    /// <summary>The log that the command was given; the configured one counts when it is <see langword="null"/>.</summary>
    private protected virtual string? GivenLogPath => null;

    /// <summary>The id of this run of the command, by which its log names it.</summary>
    private protected virtual string RunId => _runId ??= Core.Model.RunId.Create(TimeProvider.System.GetUtcNow());

    /// <summary>How many seconds the command may take, if that is limited.</summary>
    private protected virtual double? TimeLimit => null;

    /// <summary>What an error that ends the command is about.</summary>
    private protected virtual object? ErrorTarget => null;

    /// <inheritdoc/>
    protected sealed override void BeginProcessing()
    {
        _unfinished = Connection.Unfinished.Join();
        Guard(() =>
        {
            _given = new Dictionary<string, object>(MyInvocation.BoundParameters);
            OnStarting();
            OpenLog();
            Usages.Of(GetType()).Require(_given, MyInvocation.ExpectingInput, MyInvocation.MyCommand.Name, HowToGive);
            _passedOver = new PassedOverColumns(MyInvocation);
            _unreadable = ReadsPaths && MyInvocation.ExpectingInput ? Own(new UnreadableInput(MyInvocation, () => CurrentRow)) : null;
            Columns = ReadsTables && MyInvocation.ExpectingInput ? new NearColumns(MyInvocation) : null;
            Context.TimeLimit = TimeLimit is double seconds ? TimeSpan.FromSeconds(seconds) : null;
            CheckParameters();
            OnBegin();
        });
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => Guard(() =>
    {
        if (CurrentRow is PSObject row)
        {
            if (MyInvocation.ExpectingInput && !_hasRoom)
            {
                _hasRoom = true;
                Usages.Of(GetType()).RequireRoomForInput(_given, MyInvocation.MyCommand.Name);
            }

            if (_unreadable?.Holds(row) == true)
            {
                (string problem, bool isFirst) = _unreadable.Describe(row);
                RefuseRow(row, new KlingException(ErrorKind.RequestInvalid, $"{problem}{NothingDone}"), isFirst);
                return;
            }

            CheckInput(row);

            // For a task from a gallery, a user who gives a parameter wants something other than what it was made with.
            if (!ChosenVideo.IsOne(row) && _passedOver?.Describe(row) is string columns)
            {
                WriteWarning(columns);
            }

            if (Columns?.Describe(row) is string unread)
            {
                WriteWarning(unread);
            }
        }

        OnProcess();
    });

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => Guard(() =>
    {
        _finishBatch?.Invoke();
        if (Connection.TakeLedgerNotice() is string notice)
        {
            WriteWarning(notice);
        }

        OnEnd();
        if (FindUntoldLoss() is KlingException lost)
        {
            WriteError(lost, ErrorTarget);
        }

        if (_context?.Log is RunLog log)
        {
            // Any problem with writing the log has to be reported while there still is a stream.
            Await(_ => log.FlushAsync());
        }

        _hasEnded = true;
        if (Unfinished.End() is string open)
        {
            WriteWarning(open);
        }
    });

    /// <summary>Stops the current work. Purchases that have left are completed and recorded.</summary>
    protected sealed override void StopProcessing() => _bridge.Stop();

    /// <summary>Starts whatever has to report everything that goes wrong with the command, including wrong use of its parameters.</summary>
    private protected virtual void OnStarting()
    {
    }

    /// <summary>
    /// Called if the command never began, because PowerShell refused its parameters, or those of another command in the pipeline. Exceptions from here are lost.
    /// </summary>
    private protected virtual void OnNeverBegun()
    {
    }

    /// <summary>Refuses parameters that do not go together, before the first input.</summary>
    private protected virtual void CheckParameters()
    {
    }

    /// <summary>Takes note of a row that the command can read nothing from.</summary>
    /// <param name="row">The row.</param>
    /// <param name="error">What is wrong.</param>
    /// <param name="isNews">Whether to report it: one error is enough for all rows of a table.</param>
    private protected virtual void RefuseRow(PSObject row, KlingException error, bool isNews)
    {
        if (isNews)
        {
            RefuseInput(error, row);
        }
    }

    /// <summary>Refuses input that does not go with the parameters.</summary>
    private protected virtual void CheckInput(PSObject row)
    {
    }

    /// <summary>Checks the parameters before the first input; what comes through the pipeline is not bound yet.</summary>
    private protected virtual void OnBegin()
    {
    }

    /// <summary>Works on the input that is bound now.</summary>
    private protected virtual void OnProcess()
    {
    }

    /// <summary>Sums up after the last input, when the batch has emitted everything.</summary>
    private protected virtual void OnEnd()
    {
    }

    /// <summary>Called when the command ends before it has done everything: with an error, or because the pipeline ends. May be called more than once.</summary>
    /// <param name="error">The error; <see langword="null"/> if somebody or something else ends the pipeline.</param>
    private protected virtual void OnClosing(KlingException? error)
    {
    }

    /// <summary>Ends what is still running in the background.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc cref="Dispose()"/>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (_unfinished is null)
            {
                NeverBegin();
            }

            // PowerShell calls neither EndProcessing nor, in every case, StopProcessing when the pipeline ends early.
            bool isEarly = _unfinished is not null && !_hasEnded;
            if (isEarly)
            {
                Unfinished.CutShort();
            }

            _owned.ForEach(owned => owned.Dispose());
            if (isEarly)
            {
                _context?.CompleteProgress();
                OnClosing(null);
            }

            if (_unfinished?.Leave() is string open)
            {
                Tell(open);
            }

            _context?.Connection.EndReplaced();

            if (_context?.Log is RunLog log)
            {
                SessionEnd.Await(log.DisposeAsync().AsTask());
            }

            _context?.Dispose();
            _bridge.Dispose();
        }
    }

    /// <summary>Takes over the work on many items: finishes it when the input ends, and disposes of it. Once in a command.</summary>
    private protected Batch<TItem, TValue> Use<TItem, TValue>(Batch<TItem, TValue> batch)
        where TValue : class
    {
        _finishBatch = batch.Finish;
        _refuse = batch.Refuse;
        return Own(batch);
    }

    /// <summary>Hands over what is to be disposed of together with this command, in the order of the calls.</summary>
    private protected T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    /// <inheritdoc cref="ICommandStreams.Post"/>
    private protected void Post(Action request) => _bridge.Post(request);

    /// <inheritdoc cref="PipelineBridge.Run{T}"/>
    private protected T Await<T>(Func<CancellationToken, Task<T>> work) => _bridge.Run(work);

    /// <inheritdoc cref="PipelineBridge.Run{T}"/>
    private protected void Await(Func<CancellationToken, Task> work) => _bridge.Run(work);

    /// <inheritdoc cref="PipelineBridge.Enumerate{T}"/>
    private protected IEnumerable<T> Enumerate<T>(Func<CancellationToken, IAsyncEnumerable<IReadOnlyList<T>>> read) => _bridge.Enumerate(read);

    /// <inheritdoc cref="FilePaths.GetFullPath"/>
    private protected string GetFullPath(string path) => Context.Shell.Paths.GetFullPath(path);

    /// <summary>Where videos go, from what the user says; if that cannot be, ends the command with the culprit as target.</summary>
    private protected SaveOptions GetSaveOptions(string? destination, string template, bool overwrite)
    {
        try
        {
            return Context.GetSaveOptions(destination, template, overwrite);
        }
        catch (KlingException exception)
        {
            ThrowTerminatingError(exception, exception.Kind == ErrorKind.RequestInvalid ? template : destination);
            throw;
        }
    }

    /// <summary>Emits an object, after loading the views that it may be shown with.</summary>
    private protected new void WriteObject(object? value)
    {
        LoadViewsFor(value);
        base.WriteObject(value);
    }

    /// <inheritdoc cref="WriteObject(object?)"/>
    /// <param name="data">The object.</param>
    /// <param name="tags">Its tags.</param>
    private protected new void WriteInformation(object? data, string[] tags)
    {
        LoadViewsFor(data);
        base.WriteInformation(data, tags);
    }

    /// <inheritdoc cref="ICommandStreams.WriteVerbose"/>
    private protected new void WriteVerbose(string text) => base.WriteVerbose(VisibleText.Of(text));

    /// <inheritdoc cref="ICommandStreams.WriteWarning"/>
    private protected new void WriteWarning(string text)
    {
        _context?.Log?.Write(new RunEvent(RunEventKind.Warned) { Message = text });
        base.WriteWarning(VisibleText.Of(text));
    }

    /// <summary>Asks whether to do something, or says what would be done.</summary>
    /// <param name="target">What it would be done to.</param>
    /// <param name="action">What would be done.</param>
    private protected new bool ShouldProcess(string target, string action) => Ask(() => base.ShouldProcess(VisibleText.InLine(target), VisibleText.InLine(action)));

    /// <inheritdoc cref="ShouldProcess(string, string)"/>
    /// <param name="description">What would be done.</param>
    /// <param name="question">The same, to be confirmed.</param>
    /// <param name="caption">The title of the question.</param>
    private protected new bool ShouldProcess(string description, string question, string caption)
        => Ask(() => base.ShouldProcess(VisibleText.InLine(description), VisibleText.InLine(question), caption));

    /// <summary>Asks the user. PowerShell's own host fails with this exception if its input has ended.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: nobody can answer.</exception>
    private bool Ask(Func<bool> question)
    {
        try
        {
            return question();
        }
        catch (NullReferenceException exception)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"{MyInvocation.MyCommand.Name} asks before it does something, and nobody can answer, because the input has ended.{NothingDone} -Confirm:$false does it without a question.", exception);
        }
    }

    /// <inheritdoc cref="ICommandStreams.WriteError"/>
    private protected void WriteError(KlingException error, object? target)
    {
        Unfinished.HasTimedOut |= error.Kind == ErrorKind.WaitTimeout;
        LogError(error, target);
        LoadViewsFor(target);
        WriteError(ErrorRecords.From(error, target));
    }

    /// <summary>
    /// The error of a ledger that was lost while the command was at work, if none of its errors said so: its work was completed
    /// without the ledger, and is kept to be recorded.
    /// </summary>
    private protected KlingException? FindUntoldLoss() => _hasToldOfLedger || _context?.LostLedger is not KlingException lost
        ? null
        : lost.WithMessage($"{lost.Message} What this command has seen of its tasks is kept on this machine; the next command here that reaches the ledger records it.");

    /// <summary>Writes the error of input that the batch never gets, in its place among the errors of the batch; of objects of another kind, once for all of one type.</summary>
    private protected void RefuseInput(KlingException error, object? target)
    {
        if (error is ForeignObjectException foreign && !_foreign.Add(foreign.Type))
        {
            return;
        }

        if (_refuse is null)
        {
            WriteError(error, target);
        }
        else
        {
            _refuse(error, target);
        }
    }

    /// <summary>Writes the error of one item; ends the command if it is fatal.</summary>
    private protected void WriteErrorOrEnd(KlingException error, object? target)
    {
        if (error.IsFatal)
        {
            ThrowTerminatingError(error, target);
        }

        RefuseInput(error, target);
    }

    /// <inheritdoc cref="ICommandStreams.ThrowTerminatingError"/>
    private protected void ThrowTerminatingError(KlingException error, object? target)
    {
        Unfinished.HasFailed = true;
        _context?.CompleteProgress();
        LogError(error, target);
        OnClosing(error);
        LoadViewsFor(target);
        ThrowTerminatingError(ErrorRecords.From(error, target));
    }

    void ICommandStreams.WriteObject(object? value) => WriteObject(value);

    void ICommandStreams.Post(Action request) => Post(request);

    void ICommandStreams.WriteVerbose(string text) => WriteVerbose(text);

    void ICommandStreams.WriteWarning(string text) => WriteWarning(text);

    void ICommandStreams.WriteDebug(string text) => WriteDebug(VisibleText.Of(text, LongestBody));

    void ICommandStreams.WriteProgress(ProgressRecord record)
    {
        record.Activity = VisibleText.InLine(record.Activity);
        record.StatusDescription = VisibleText.InLine(record.StatusDescription);
        if (record.RecordType == ProgressRecordType.Completed)
        {
            // A bar that is there has to go even if the pipeline is being stopped, or is over, and the command may not write any more.
            Host.UI?.WriteProgress(ProgressSource, record);
        }
        else
        {
            CommandRuntime.WriteProgress(ProgressSource, record);
        }
    }

    void ICommandStreams.WriteError(KlingException error, object? target) => WriteError(error, target);

    void ICommandStreams.LogError(KlingException error, object? target) => LogError(error, target);

    void ICommandStreams.ThrowTerminatingError(KlingException error, object? target) => ThrowTerminatingError(error, target);

    /// <summary>Logs an error that the user sees, or that ends the command, and counts it.</summary>
    private protected void LogError(KlingException error, object? target)
    {
        _hasToldOfLedger |= error.Kind == ErrorKind.LedgerUnusable;
        Unfinished.HasErrors = true;
        KlingTelemetry.OnError(error.Kind);
        _context?.Log?.Write(new RunEvent(RunEventKind.Failed)
        {
            Subject = target switch
            {
                KlingVideoTask task => task.Subject,
                string subject => subject,
                _ => null,
            },
            Task = target as KlingVideoTask,
            TaskNumber = error.TaskNumber,
            ErrorId = ErrorCatalog.IdOf(error.Kind),
            Message = error.Message,
        });
    }

    /// <summary>Loads the views before somebody gets an object that may need them. Files, texts and numbers need none of ours.</summary>
    private void LoadViewsFor(object? shown)
    {
        if (WrappedObject.Unwrap(shown) is not (null or string or ValueType or FileInfo or HostInformationMessage))
        {
            Connection.LoadViewsOnce(InvokeCommand, this);
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "The command is over, and its own error is on its way.")]
    private void NeverBegin()
    {
        try
        {
            OnNeverBegun();
        }
        catch (Exception)
        {
        }
    }

    private void OpenLog()
    {
        if (!HasLog || Context.Shell.Common.IsWhatIf || (GivenLogPath ?? Context.Settings.Current.LogPath) is not string path)
        {
            return;
        }

        string full = GetFullPath(path);
        BeforeAnything(() =>
        {
            Context.RequireNotKept(full);
            RunLog.RequireLog(full);
        });
        CommandContext context = Context;
        Context.Log = new RunLog(new RunLogOptions
        {
            Path = full,
            RunId = RunId,
            Command = MyInvocation.MyCommand.Name,
            Redact = context.Redact,
            OnTrouble = text => Post(() => base.WriteWarning(VisibleText.Of(text))),
        });
    }

    /// <summary>Makes sure of something before anything is done. An error says that nothing was.</summary>
    private protected void BeforeAnything(Action require)
    {
        try
        {
            require();
        }
        catch (KlingException exception) when (NothingDone.Length > 0)
        {
            throw exception.WithMessage(exception.Message + NothingDone);
        }
    }

    private void Guard(Action work)
    {
        try
        {
            EndWithError(work);
        }
        catch (Exception exception)
        {
            EndEarly(exception);
            throw;
        }
    }

    private void EndWithError(Action work)
    {
        try
        {
            work();
        }
        catch (Exception exception) when (Failures.IsError(exception))
        {
            ThrowTerminatingError(UnexpectedError.From(exception, MyInvocation.MyCommand.Name), ErrorTarget);
            throw;
        }
    }

    /// <summary>
    /// Called when the pipeline ends because it is stopped, because of an error here or further down, or because nothing further down wants more. From now on nothing
    /// is bought, and what is paid for is reported.
    /// </summary>
    private void EndEarly(Exception exception)
    {
        _bridge.Stop();
        _owned.ForEach(owned => owned.Dispose());
        _context?.CompleteProgress();
        OnClosing(null);
        Unfinished.CutShort();

        // Select-Object -First ends only what is before it: what is after it goes on, and tells in the end. PowerShell does not always say so.
        bool mayBeSelect = exception.GetType().Name == "StopUpstreamCommandsException" || (exception is PipelineStoppedException && !Stopping && !Unfinished.HasFailed);
        if (mayBeSelect && Unfinished.HasOthers)
        {
            return;
        }

        // The exception passes through the commands from the last to the first, which then knows about the work of all.
        if (Unfinished.IsOldest && Unfinished.Tell() is string open)
        {
            Tell(open);
        }
    }

    /// <summary>Warns on the stream, where it can be redirected; a pipeline that is being stopped no longer has one, but its host has a screen.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever keeps the warning from its stream, the screen remains.")]
    private protected void Tell(string open)
    {
        try
        {
            WriteWarning(open);
        }
        catch (Exception)
        {
            Host.UI?.WriteWarningLine(VisibleText.Of(open));
        }
    }
}
