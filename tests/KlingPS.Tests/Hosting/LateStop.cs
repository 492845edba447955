using System.Management.Automation;

namespace KlingPS.Tests.Hosting;

/// <summary>
/// The moment in which PowerShell stops a pipeline between two of its commands: the pipeline notices the stop, ends and
/// disposes of its commands before the stopping thread has called their StopProcessing, which it never does then.
/// </summary>
public sealed class LateStop : IDisposable
{
    private readonly ManualResetEventSlim _begun = new();
    private readonly ManualResetEventSlim _isOver = new();

    /// <summary>Set when the pipeline has come so far that it can be stopped.</summary>
    public ManualResetEventSlim Reached { get; } = new();

    /// <summary>Imports the commands and gives the variable $late to use them with.</summary>
    internal async Task InstallAsync(HostedShell shell)
        => (await shell.RunAsync("Import-Module $assembly", new { assembly = typeof(LateStop).Assembly.Location, late = this })).Clean();

    public void Dispose()
    {
        Reached.Dispose();
        _begun.Dispose();
        _isOver.Dispose();
    }

    /// <summary>For the end of the script block that feeds the pipeline: ends when the stop has begun, and keeps it there until the pipeline is over.</summary>
    [Cmdlet(VerbsLifecycle.Wait, "LateStop")]
    public sealed class WaitLateStopCommand : PSCmdlet
    {
        [Parameter(Mandatory = true, Position = 0)]
        public LateStop Late { get; set; } = null!;

        protected override void EndProcessing()
        {
            Late.Reached.Set();
            Late._begun.Wait(Eventually.Patience);
        }

        protected override void StopProcessing()
        {
            Late._begun.Set();
            Late._isOver.Wait(Eventually.Patience);
        }
    }

    /// <summary>For the end of the pipeline.</summary>
    [Cmdlet(VerbsCommon.Watch, "LateStop")]
    public sealed class WatchLateStopCommand : PSCmdlet, IDisposable
    {
        [Parameter(Mandatory = true, Position = 0)]
        public LateStop Late { get; set; } = null!;

        [Parameter(ValueFromPipeline = true)]
        public object? InputObject { get; set; }

        public void Dispose() => Late._isOver.Set();
    }
}
