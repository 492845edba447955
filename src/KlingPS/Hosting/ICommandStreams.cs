using System.Management.Automation;
using KlingPS.Core;

namespace KlingPS.Hosting;

/// <summary>
/// The streams of a running command, for helpers that do not know the command. Only <see cref="Post"/> and
/// <see cref="StopToken"/> may be used on any thread; everything else belongs to the pipeline thread. Text is written as
/// <see cref="VisibleText"/> shows it, wherever it comes from.
/// </summary>
internal interface ICommandStreams
{
    /// <summary>Cancelled when the command is stopped.</summary>
    CancellationToken StopToken { get; }

    /// <summary>Asks the pipeline thread to do something while it waits.</summary>
    void Post(Action request);

    /// <summary>Writes to the output.</summary>
    void WriteObject(object? value);

    /// <summary>Writes the error of one item; the command continues with the others.</summary>
    /// <param name="error">What happened.</param>
    /// <param name="target">The file or the task it happened to.</param>
    void WriteError(KlingException error, object? target);

    /// <summary>Logs an error that is not written, or not on its own.</summary>
    /// <inheritdoc cref="WriteError"/>
    void LogError(KlingException error, object? target);

    /// <summary>Ends the command with an error.</summary>
    /// <inheritdoc cref="WriteError"/>
    void ThrowTerminatingError(KlingException error, object? target);

    /// <summary>Writes to the verbose stream.</summary>
    void WriteVerbose(string text);

    /// <summary>Writes to the warning stream.</summary>
    void WriteWarning(string text);

    /// <summary>Writes to the debug stream.</summary>
    void WriteDebug(string text);

    /// <summary>Writes to the progress stream.</summary>
    void WriteProgress(ProgressRecord record);
}

/// <summary>A running command, as the work on its items sees it.</summary>
internal interface ICommandHost : ICommandStreams
{
    /// <summary>Waits for asynchronous work.</summary>
    PipelineBridge Bridge { get; }

    /// <summary>Whether an error that is written ends the command, as with <c>-ErrorAction Stop</c>.</summary>
    bool StopsAtErrors { get; }

    /// <summary>The progress bar of the command.</summary>
    CommandProgress Progress { get; }
}
