using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Settles tasks whose answer was lost: with the service's id, by giving them up, or by buying them again.</summary>
[Cmdlet(VerbsDiagnostic.Resolve, "KlingVideoTask", DefaultParameterSetName = TaskIdSet, SupportsShouldProcess = true)]
[OutputType(typeof(KlingVideoTask))]
public sealed class ResolveKlingVideoTaskCommand : KlingCommand
{
    private const string TaskIdSet = "TaskId";
    private const string AbandonSet = "Abandon";
    private const string ResubmitSet = "Resubmit";

    /// <summary>The local ids of the tasks to settle; or the tasks themselves, from the pipeline.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [ArgumentCompleter(typeof(TaskCompleter))]
    public PSObject[] Id { get; set; } = [];

    /// <summary>The service's id of the task that it turned out to be, as https://kie.ai/logs shows it.</summary>
    [Parameter(Mandatory = true, ParameterSetName = TaskIdSet)]
    [ValidateNotNullOrEmpty]
    public string TaskId { get; set; } = string.Empty;

    /// <summary>Gives the task up: it was not bought. Its credits are free again.</summary>
    [Parameter(Mandatory = true, ParameterSetName = AbandonSet)]
    public SwitchParameter Abandon { get; set; }

    /// <summary>Buys the video again, in its place. If it was bought after all, it is paid for twice.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResubmitSet)]
    public SwitchParameter Resubmit { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Settling tasks";

    /// <summary>Settles the tasks.</summary>
    protected override void ProcessRecord()
    {
        foreach (PSObject item in Id)
        {
            try
            {
                Settle(item);
            }
            catch (KlingException exception)
            {
                WriteErrorOrEnd(exception, item.BaseObject);
            }
        }
    }

    private void Settle(PSObject item)
    {
        TaskReference reference = TaskReferences.From(item);
        KlingService service = GetService();
        var resolver = new TaskFinder(service);
        KlingVideoTask attempt = Await(token => resolver.FindRecordedAsync(reference, token));
        UnknownTaskResolver.RequireUnknown(attempt);
        string what = ParameterSetName switch
        {
            AbandonSet => "Give up, as not bought",
            ResubmitSet => string.Create(CultureInfo.InvariantCulture, $"Buy again for {attempt.CreditsReserved:0.##} credits"),
            _ => $"Settle as task {TaskId} of the service",
        };
        if (!ShouldProcess($"task {attempt.Id} ({attempt.Subject})", what))
        {
            return;
        }

        var settler = new UnknownTaskResolver(service);
        WriteObject(Await(token => ParameterSetName switch
        {
            AbandonSet => settler.AbandonAsync(attempt),
            ResubmitSet => settler.ResubmitAsync(attempt, token),
            _ => settler.SettleAsync(attempt, TaskId.Trim(), token),
        }));
    }
}
