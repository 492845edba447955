using System.Collections.Concurrent;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace KlingPS.Tests.Hosting;

/// <summary>A script that runs.</summary>
internal sealed class RunningScript : IDisposable
{
    private readonly PowerShell _shell = PowerShell.Create();
    private readonly PSDataCollection<PSObject> _output = [];
    private readonly ConcurrentQueue<ProgressRecord> _progress = new();
    private readonly TaskCompletionSource _firstOutput = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RunningScript(Runspace runspace, string script)
    {
        // In a try block, as in a runbook, a terminating error ends the script; outside of one it ends the statement only.
        _shell.Runspace = runspace;
        _shell.AddScript($"$terminating = $null; try {{\n{script}\n}} catch {{ $terminating = $_ }}");
        _output.DataAdded += (_, _) => _firstOutput.TrySetResult();

        // The collection of the engine cannot be copied while it grows.
        PSDataCollection<ProgressRecord> progress = _shell.Streams.Progress;
        progress.DataAdded += (_, added) => _progress.Enqueue(progress[added.Index]);
        Completion = CompleteAsync(runspace, script);
    }

    /// <summary>What came of it.</summary>
    public Task<ShellResult> Completion { get; }

    /// <summary>Done when the first object has come out.</summary>
    public Task FirstOutput => Eventually.DoneAsync(_firstOutput.Task, "the first output of the script");

    /// <summary>The progress that it has shown so far.</summary>
    public IReadOnlyList<ProgressRecord> Progress => [.. _progress];

    /// <summary>Begins to stop it as Ctrl+C does, any number of times.</summary>
    public void BeginStop() => _shell.BeginStop(null, null);

    /// <summary>Stops it as Ctrl+C does, and waits until it has stopped. The engine bears only one such wait at a time.</summary>
    public Task StopAsync() => Eventually.DoneAsync(_shell.StopAsync(null, null), "the script to stop");

    public void Dispose()
    {
        _shell.Dispose();
        _output.Dispose();
    }

    private async Task<ShellResult> CompleteAsync(Runspace runspace, string script)
    {
        using var input = new PSDataCollection<PSObject>();
        input.Complete();
        bool wasStopped = false;
        try
        {
            await Eventually.DoneAsync(_shell.InvokeAsync(input, _output), $"the end of the script: {script}");
        }
        catch (PipelineStoppedException)
        {
            wasStopped = true;
        }

        return new ShellResult
        {
            Output = [.. _output],
            Errors = [.. _shell.Streams.Error],
            Terminating = wasStopped ? null : (runspace.SessionStateProxy.GetVariable("terminating") as PSObject)?.BaseObject as ErrorRecord
                ?? runspace.SessionStateProxy.GetVariable("terminating") as ErrorRecord,
            WasStopped = wasStopped,
            Warnings = [.. _shell.Streams.Warning.Select(record => record.Message)],
            Verbose = [.. _shell.Streams.Verbose.Select(record => record.Message)],
            Debug = [.. _shell.Streams.Debug.Select(record => record.Message)],
            Information = [.. _shell.Streams.Information.Select(record => record.ToString())],
            Progress = Progress,
        };
    }
}
