using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Threading.Channels;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Stages;
using KlingPS.Hosting;

namespace KlingPS.Tests;

public sealed class BatchTests
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
        private readonly Batch<int, object> _batch;

        public PumpCommand()
        {
            _batch = Use(new Batch<int, object>(this, () => new BrokenStage()));
        }

        private protected override void OnBegin() => _batch.Begin();
    }

    /// <summary>A stage that ends with an error of its own while it is waited for.</summary>
    private sealed class BrokenStage : IPipelineStage<int, Outcome<int, object>>
    {
        private readonly Channel<Outcome<int, object>> _results = Channel.CreateUnbounded<Outcome<int, object>>();

        public ChannelReader<Outcome<int, object>> Results => _results.Reader;

        public Task PostAsync(int item, CancellationToken cancellationToken) => Task.CompletedTask;

        public void Complete() => _results.Writer.Complete(new KlingException(ErrorKind.LedgerUnusable, "The disk is full."));

        public void Dispose() => _results.Writer.TryComplete();
    }
}
