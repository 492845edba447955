using KlingPS.Core.Ledger;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Converting;

/// <summary>Records runs in the ledger. A run that cannot be recorded goes ahead anyway: what it buys is still recorded.</summary>
/// <param name="service">The account and its ledger.</param>
/// <param name="plan">The plan that the run carries out; <see langword="null"/> if there is none.</param>
internal sealed class RunRecorder(KlingService service, AgreedPlan? plan)
{
    /// <summary>Records that a run has begun.</summary>
    /// <param name="runId">The id of the run.</param>
    /// <param name="command">The command.</param>
    /// <param name="cancellationToken">Stops the work; nothing is recorded then.</param>
    public Task BeginAsync(string runId, string command, CancellationToken cancellationToken)
        => RecordAsync(() => service.Session.Ledger.Runs.BeginAsync(new RunRecord(runId, service.Session.Account, command, service.Session.TimeProvider.GetUtcNow()), cancellationToken));

    /// <summary>Records how a run has ended. The session is kept open until that is done, if nobody waits for it.</summary>
    /// <param name="summary">Its result.</param>
    /// <param name="isComplete">Whether it was completed, rather than ended by an error or by somebody.</param>
    public Task EndAsync(ConversionSummary summary, bool isComplete)
    {
        ArgumentNullException.ThrowIfNull(summary);
        return RecordAsync(() => service.Session.ProtectAsync(async () =>
        {
            await service.Session.Ledger.Runs.EndAsync(summary.RunId!, new RunResult
            {
                Outcome = summary.Outcome,
                ExitCode = summary.ExitCode,
                Made = summary.Made,
                Downloaded = summary.Downloaded,
                Present = summary.Present,
                Taken = summary.Taken,
                Pending = summary.Pending,
                OverLimit = summary.OverLimit,
                Failed = summary.Failed,
                Unknown = summary.Unknown,
                Refused = summary.Refused,
            }).ConfigureAwait(false);
            if (isComplete && plan is not null)
            {
                await plan.CloseAsync(summary).ConfigureAwait(false);
            }

            return true;
        }));
    }

    private async Task RecordAsync(Func<Task> record)
    {
        try
        {
            await record().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // A ledger that cannot be written is the error of the first purchase; the record of a run is not worth one of its own.
        catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
        {
            service.Observer?.OnNotice($"The run could not be recorded: {UnexpectedError.Describe(exception)}");
        }
    }
}
