using System.Management.Automation;
using KlingPS.Bridge;
using KlingPS.Core;
using KlingPS.Core.Configuration;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Waiting;
using KlingPS.Errors;
using KlingPS.Parameters;
using KlingPS.Progress;
using KlingPS.Sessions;

namespace KlingPS;

/// <summary>What all commands share: the bridge to asynchronous work, the session, and the way errors are written.</summary>
public abstract class KlingCommand : PSCmdlet, IDisposable
{
    private readonly PipelineBridge _bridge = new();
    private readonly List<IDisposable> _owned = [];
    private CommandProgress? _progress;
    private CommandObserver? _observer;
    private KlingService? _service;
    private int _hasToldUnfinished;

    /// <summary>Cancelled when the command is stopped.</summary>
    internal CancellationToken StopToken => _bridge.StopToken;

    /// <summary>Tells the user what Core does. To be taken on the pipeline thread; may be used on any.</summary>
    private protected CommandObserver Observer => _observer ??= new CommandObserver(this, Progress, IsEnabled("Verbose"), IsEnabled("Debug"));

    /// <summary>The progress bar of this command.</summary>
    private protected CommandProgress Progress => _progress ??= new CommandProgress(this, ProgressActivity);

    /// <summary>What the progress bar says the command does.</summary>
    private protected virtual string ProgressActivity => MyInvocation.MyCommand.Name;

    /// <summary>What this runspace is connected to.</summary>
    private protected static RunspaceConnection Connection => RunspaceConnection.Current;

    /// <summary>Begins. A command that overrides this calls it.</summary>
    protected override void BeginProcessing() => Connection.LoadViewsOnce(this);

    /// <summary>Stops the work in hand. Purchases that have left are carried to their end and recorded.</summary>
    protected override void StopProcessing()
    {
        WarnOfUnfinished();
        _bridge.Stop();
    }

    /// <summary>What is under way and paid for when the user stops the command, and how to take it up again; called on another thread.</summary>
    private protected virtual string? DescribeUnfinished() => null;

    /// <summary>Ends what still runs in the background.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Asks the pipeline thread to do something while it waits; called from any thread.</summary>
    internal void Post(Action request) => _bridge.Post(request);

    /// <summary>Hands over what is to be disposed of together with this command, in the order of the calls.</summary>
    internal T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    /// <summary>Ends what still runs in the background.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (Stopping)
            {
                // PowerShell does not call StopProcessing when the pipeline notices the stop first, as it does between two commands.
                WarnOfUnfinished();
            }

            _owned.ForEach(owned => owned.Dispose());
            _progress?.Dispose();
            _bridge.Dispose();
        }
    }

    /// <summary>The session to work with: the connected one, or one from the key that is found elsewhere.</summary>
    private protected KlingSession GetSession() => Run(() => Connection.GetSession(this));

    /// <summary>The session to work with, its ledger open: nothing is uploaded or bought that could not be recorded.</summary>
    private protected KlingSession GetLedgerSession()
    {
        KlingSession session = GetSession();
        Await(session.Ledger.OpenAsync);
        return session;
    }

    /// <summary>What the parts of this command share, its ledger open; the same each time, as long as the session is.</summary>
    private protected KlingService GetService()
    {
        KlingSession session = GetLedgerSession();
        return _service?.Session == session ? _service : _service = new KlingService(session, Observer);
    }

    /// <summary>Waits for asynchronous work, writing meanwhile what it has to say.</summary>
    internal T Await<T>(Func<CancellationToken, Task<T>> work) => Run(() => _bridge.Wait(Task.Run(() => work(StopToken))));

    /// <inheritdoc cref="Await{T}(Func{CancellationToken, Task{T}})"/>
    internal void Await(Func<CancellationToken, Task> work) => Run(() =>
    {
        _bridge.Wait(Task.Run(() => work(StopToken)));
        return true;
    });

    /// <summary>Waits until any of the tasks has ended, writing meanwhile what the work has to say.</summary>
    internal void AwaitAny(params Task[] tasks) => Run(() =>
    {
        _bridge.WaitAny(tasks);
        return true;
    });

    /// <summary>Writes the error of one item; the others go on.</summary>
    private protected void WriteError(KlingException exception, object? target) => WriteError(ErrorRecords.From(exception, target));

    /// <summary>Writes the error of one item; ends the command if the others would meet it as well.</summary>
    private protected void WriteErrorOrEnd(KlingException exception, object? target)
    {
        if (exception.IsFatal)
        {
            ThrowTerminatingError(exception, target);
        }

        WriteError(exception, target);
    }

    /// <summary>Writes what has become of a task.</summary>
    private protected void Write(Outcome<TaskReference, KlingVideoTask> outcome)
    {
        if (outcome.Error is KlingException error)
        {
            WriteErrorOrEnd(error, outcome.Value ?? TaskReferences.TargetOf(outcome.Item));
        }

        if (outcome.Value is not null)
        {
            WriteObject(outcome.Value);
        }
    }

    /// <summary>Ends the command with an error.</summary>
    internal void ThrowTerminatingError(KlingException exception, object? target)
    {
        _progress?.Complete();
        ThrowTerminatingError(ErrorRecords.From(exception, target));
    }

    /// <inheritdoc cref="ImagePaths.GetFullPath"/>
    private protected string GetFullPath(string path) => ImagePaths.GetFullPath(this, path);

    /// <summary>Where videos go, from what the user says; ends the command if that cannot be.</summary>
    private protected SaveOptions GetSaveOptions(string? destination, string template, bool overwrite)
    {
        try
        {
            string folder = GetFullPath(destination ?? KlingConfiguration.Load().DefaultDestination ?? ".");
            DestinationFolder.RequireNoFile(folder);
            return new SaveOptions { Destination = folder, Template = NameTemplate.Parse(template), Overwrite = overwrite };
        }
        catch (KlingException exception)
        {
            ThrowTerminatingError(exception, exception.Kind == ErrorKind.RequestInvalid ? template : destination);
            throw;
        }
    }

    /// <summary>How long and how often to look at tasks; both in seconds. The interval, where it is left out, is that of the configuration.</summary>
    private protected static WaitOptions GetWaitOptions(int? timeout, double? pollingInterval = null) => new()
    {
        Timeout = timeout is int seconds ? TimeSpan.FromSeconds(seconds) : null,
        PollingInterval = (pollingInterval ?? KlingConfiguration.Load().PollingInterval) is double interval ? TimeSpan.FromSeconds(interval) : null,
    };

    /// <summary>Whether a common parameter or, where it is not given, its preference is in force.</summary>
    private protected bool IsSet(string name, Func<object?, bool> isPreferred)
        => MyInvocation.BoundParameters.TryGetValue(name, out object? given)
            ? given is SwitchParameter { IsPresent: true }
            : isPreferred(SessionState.PSVariable.GetValue(name + "Preference"));

    /// <summary>Says once, on whichever thread notices the stop first, what is paid for and how to get it.</summary>
    private void WarnOfUnfinished()
    {
        if (DescribeUnfinished() is string unfinished && Interlocked.Exchange(ref _hasToldUnfinished, 1) == 0)
        {
            // The streams belong to the pipeline thread. That one goes on until it is stopped, so this stands before the next prompt.
            Host.UI.WriteWarningLine(unfinished);
        }
    }

    /// <summary>Turns a cancelled wait into PowerShell's own way of stopping.</summary>
    private T Run<T>(Func<T> wait)
    {
        try
        {
            return wait();
        }
        catch (OperationCanceledException) when (Stopping || StopToken.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
    }

    private bool IsEnabled(string stream)
        => IsSet(stream, preference => preference?.ToString() is string text
            && !text.Equals(nameof(ActionPreference.SilentlyContinue), StringComparison.OrdinalIgnoreCase)
            && !text.Equals(nameof(ActionPreference.Ignore), StringComparison.OrdinalIgnoreCase));
}
