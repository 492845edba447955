using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Threading.Channels;
using KlingPS.Bridge;
using KlingPS.Core;
using KlingPS.Core.Stages;

namespace KlingPS.Tests.Bridge;

public sealed class StagePumpTests
{
    [Fact]
    public void A_ledger_that_breaks_in_the_middle_ends_the_command_with_its_own_error()
    {
        InitialSessionState state = InitialSessionState.CreateDefault2();
        state.Commands.Add(new SessionStateCmdletEntry("Test-Pump", typeof(PumpCommand), null));
        using PowerShell shell = PowerShell.Create(state);

        CmdletInvocationException exception = Assert.Throws<CmdletInvocationException>(() => shell.AddCommand("Test-Pump").Invoke());

        Assert.StartsWith("KlingLedgerUnusable,", exception.ErrorRecord.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Equal("The disk is full.", exception.ErrorRecord.Exception.Message);
        Assert.NotEmpty(exception.ErrorRecord.ErrorDetails?.RecommendedAction ?? string.Empty);
    }

    [Cmdlet(VerbsDiagnostic.Test, "Pump")]
    private sealed class PumpCommand : KlingCommand
    {
        protected override void BeginProcessing()
        {
        }

        protected override void EndProcessing()
        {
            var pump = new StagePump<int, int>(this, () => new BrokenStage(), WriteObject);
            pump.Begin();
            pump.Finish();

            void WriteObject(int result) => this.WriteObject(result);
        }
    }

    /// <summary>A stage that ends with an error of its own while it is waited for.</summary>
    private sealed class BrokenStage : IPipelineStage<int, int>
    {
        private readonly Channel<int> _results = Channel.CreateUnbounded<int>();

        public ChannelReader<int> Results => _results.Reader;

        public Task PostAsync(int item, CancellationToken cancellationToken) => Task.CompletedTask;

        public void Complete() => _results.Writer.Complete(new KlingException(ErrorKind.LedgerUnusable, "The disk is full."));

        public void Dispose() => _results.Writer.TryComplete();
    }
}
