using KlingPS.Hosting;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>What is told of the pauses that the service asks for.</summary>
public sealed class LongPauseTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_long_pause_is_a_warning_once_and_a_short_one_is_for_those_who_ask(bool isVerbose)
    {
        var streams = new RecordedStreams();
        using var progress = new CommandProgress(streams, "Testing", isSilent: true, new ProgressPace(TimeProvider.System));
        var observer = new CommandObserver(streams, progress, isVerbose, debug: false);

        observer.OnRetry("The service answered with code 429.", TimeSpan.FromSeconds(20));
        observer.OnRetry("The service answered with code 429.", TimeSpan.FromMinutes(9));
        observer.OnRetry("Another request was answered with code 429.", TimeSpan.FromMinutes(9));
        streams.Serve();

        Assert.Equal(["The service answered with code 429. Retrying in 540.0 s."], streams.Warnings);
        Assert.Equal(isVerbose ? 2 : 0, streams.Verbose.Count);
    }
}
