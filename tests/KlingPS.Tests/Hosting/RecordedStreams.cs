using System.Collections.Concurrent;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Hosting;

namespace KlingPS.Tests.Hosting;

/// <summary>The streams of a command that keep what is written. What is posted is done when the test says so.</summary>
internal sealed class RecordedStreams : ICommandStreams
{
    private readonly ConcurrentQueue<Action> _posted = new();

    public List<string> Warnings { get; } = [];

    public List<string> Verbose { get; } = [];

    public List<ProgressRecord> Progress { get; } = [];

    public CancellationToken StopToken => CancellationToken.None;

    /// <summary>Does what was posted, as the pipeline thread does.</summary>
    public void Serve()
    {
        while (_posted.TryDequeue(out Action? request))
        {
            request();
        }
    }

    public void Post(Action request) => _posted.Enqueue(request);

    public void WriteVerbose(string text) => Verbose.Add(text);

    public void WriteWarning(string text) => Warnings.Add(text);

    public void WriteProgress(ProgressRecord record) => Progress.Add(record);

    public void WriteObject(object? value) => throw new NotSupportedException();

    public void WriteError(KlingException error, object? target) => throw new NotSupportedException();

    public void LogError(KlingException error, object? target) => throw new NotSupportedException();

    public void ThrowTerminatingError(KlingException error, object? target) => throw new NotSupportedException();

    public void WriteDebug(string text) => throw new NotSupportedException();
}
