using System.Diagnostics;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Hosting;

namespace KlingPS.Tests;

/// <summary>What is told of the pauses that the service asks for.</summary>
public sealed class LongPauseTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_long_pause_is_a_warning_once_and_a_short_one_is_for_those_who_ask(bool isVerbose)
    {
        var streams = new Streams();
        using var progress = new CommandProgress(streams, "Testing", isSilent: true, new Stopwatch());
        var observer = new CommandObserver(streams, progress, isVerbose, debug: false);

        observer.OnRetry("The service answered with code 429.", TimeSpan.FromSeconds(20));
        observer.OnRetry("The service answered with code 429.", TimeSpan.FromMinutes(9));
        observer.OnRetry("Another request was answered with code 429.", TimeSpan.FromMinutes(9));

        Assert.Equal(["The service answered with code 429. Retrying in 540.0 s."], streams.Warnings);
        Assert.Equal(isVerbose ? 2 : 0, streams.Verbose.Count);
    }

    /// <summary>Keeps what is written; everything is on one thread.</summary>
    private sealed class Streams : ICommandStreams
    {
        public List<string> Warnings { get; } = [];

        public List<string> Verbose { get; } = [];

        public CancellationToken StopToken => CancellationToken.None;

        public void Post(Action request) => request();

        public void WriteVerbose(string text) => Verbose.Add(text);

        public void WriteWarning(string text) => Warnings.Add(text);

        public void WriteObject(object? value) => throw new NotSupportedException();

        public void WriteError(KlingException error, object? target) => throw new NotSupportedException();

        public void LogError(KlingException error, object? target) => throw new NotSupportedException();

        public void ThrowTerminatingError(KlingException error, object? target) => throw new NotSupportedException();

        public void WriteDebug(string text) => throw new NotSupportedException();

        public void WriteProgress(ProgressRecord record) => throw new NotSupportedException();
    }
}
