using System.Globalization;
using System.Management.Automation;
using System.Net;
using System.Text;
using KlingPS.Bridge;
using KlingPS.Core;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Waiting;
using KlingPS.Display;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Listens for callbacks and emits each task as it finishes; or processes one that another web server has received.</summary>
[Cmdlet(VerbsCommunications.Receive, "KlingCallback", DefaultParameterSetName = ListenSet)]
[OutputType(typeof(KlingVideoTask))]
public sealed class ReceiveKlingCallbackCommand : CallbackKeyCommand
{
    private const string ListenSet = "Listen";
    private const string InputObjectSet = "InputObject";
    private const string TaskIdSet = "TaskId";
    private const string BodySet = "Body";
    private const string BodyHeadersSet = "BodyHeaders";

    private readonly StagePump<TaskReference, Outcome<TaskReference, KlingVideoTask>> _pump;
    private CallbackKey? _key;
    private CallbackListener? _listener;
    private CallbackReceiver? _receiver;
    private readonly UnfinishedTasks _unfinished = new();
    private int _fed;
    private int _finished;

    /// <summary>Creates the command.</summary>
    public ReceiveKlingCallbackCommand()
    {
        _pump = new(this, CreateStage, Emit);
    }

    /// <summary>The tasks to wait for: as other commands emit them, as the service's ids, or as anything with a TaskId or an Id.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = InputObjectSet)]
    public PSObject[] InputObject { get; set; } = [];

    /// <summary>The service's ids of the tasks to wait for.</summary>
    [Parameter(Mandatory = true, ParameterSetName = TaskIdSet)]
    public string[] TaskId { get; set; } = [];

    /// <summary>Where to listen: http://host:port/path/, the host being localhost, an address of this machine, or + for all of them.</summary>
    [Parameter(Position = 0, ParameterSetName = ListenSet)]
    [Parameter(ParameterSetName = InputObjectSet)]
    [Parameter(ParameterSetName = TaskIdSet)]
    [ValidateNotNullOrEmpty]
    public string Prefix { get; set; } = CallbackPrefix.Default;

    /// <summary>How long to wait, in seconds: for a task from its arrival here; without tasks, how long to listen. Without end when it is left out.</summary>
    [Parameter(ParameterSetName = ListenSet)]
    [Parameter(ParameterSetName = InputObjectSet)]
    [Parameter(ParameterSetName = TaskIdSet)]
    [ValidateRange(0, 10_000_000)]
    public int? Timeout { get; set; }

    /// <summary>How many tasks to emit at most.</summary>
    [Parameter(ParameterSetName = ListenSet)]
    [Parameter(ParameterSetName = InputObjectSet)]
    [Parameter(ParameterSetName = TaskIdSet)]
    [ValidateRange(1, int.MaxValue)]
    public int? Count { get; set; }

    /// <summary>Asks the service for tasks whose callback should have come and did not. On unless it is switched off: -Polling:$false.</summary>
    [Parameter(ParameterSetName = InputObjectSet)]
    [Parameter(ParameterSetName = TaskIdSet)]
    public SwitchParameter Polling { get; set; } = true;

    /// <summary>The body of a callback that another web server has received: JSON text.</summary>
    [Parameter(Mandatory = true, ParameterSetName = BodySet)]
    [Parameter(Mandatory = true, ParameterSetName = BodyHeadersSet)]
    [AllowEmptyString]
    public string Body { get; set; } = string.Empty;

    /// <summary>Its header X-Webhook-Timestamp.</summary>
    [Parameter(ParameterSetName = BodySet)]
    [AllowNull]
    [AllowEmptyString]
    public string? Timestamp { get; set; }

    /// <summary>Its header X-Webhook-Signature.</summary>
    [Parameter(ParameterSetName = BodySet)]
    [AllowNull]
    [AllowEmptyString]
    public string? Signature { get; set; }

    /// <summary>Its headers, as the web server has them.</summary>
    [Parameter(Mandatory = true, ParameterSetName = BodyHeadersSet)]
    public PSObject Headers { get; set; } = new();

    /// <summary>The address at which your web server was called, with its query, which names the request that the callback belongs to.</summary>
    [Parameter(ParameterSetName = BodySet)]
    [Parameter(ParameterSetName = BodyHeadersSet)]
    public string? Uri { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Receiving callbacks";

    private bool HasBody => ParameterSetName is BodySet or BodyHeadersSet;

    /// <summary>Listens before the first task is made upstream: its callback may be quicker than the task is here.</summary>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _key = FindKey();
        if (_key is null)
        {
            WriteWarning("Callbacks are taken unsigned, because no -HmacKey was given. Each is only a hint: the service is asked what is true. Generate a key at https://kie.ai/settings to refuse those of others.");
        }

        // Which parameters there are is known, but input that is still to come binds only with the first task.
        if (!MyInvocation.BoundParameters.ContainsKey(nameof(Body)))
        {
            _pump.Begin();
        }
    }

    /// <summary>Takes the next tasks and emits those that have finished.</summary>
    protected override void ProcessRecord()
    {
        if (HasBody)
        {
            ProcessBody();
            return;
        }

        foreach (TaskReference reference in TaskReferences.Resolve(ParameterSetName == TaskIdSet ? TaskId : ParameterSetName == InputObjectSet ? InputObject : [], WriteError))
        {
            _fed++;
            ShowProgress();
            if (reference.Task is { TaskId: not null })
            {
                _unfinished.Add(reference);
            }

            _pump.Feed(reference);
        }
    }

    /// <summary>Emits the tasks that are still to finish, and says what came.</summary>
    protected override void EndProcessing()
    {
        if (_listener is null)
        {
            return;
        }

        ShowProgress();
        _pump.Finish();
        Progress.Complete();
        WriteSummary();
    }

    /// <inheritdoc/>
    private protected override string? DescribeUnfinished() => _unfinished.Describe();

    private CallbackReceiver CreateStage()
    {
        KlingService service = GetService();
        WaitOptions wait = GetWaitOptions(Timeout);
        _listener = Own(CallbackListener.Start(new CallbackListenerOptions
        {
            Prefix = CallbackPrefix.Parse(Prefix),
            Key = _key,
            MaxAge = TimeSpan.FromSeconds(MaxAge),
            OnFirstRefused = OnFirstRefused,
        }));
        WriteVerbose($"Listening at {_listener.Prefix}.");
        return _receiver = new CallbackReceiver(
            service,
            _listener,
            new ReceiveOptions
            {
                Timeout = wait.Timeout,
                Count = Count,
                IsPolling = Polling,
                PollingInterval = wait.PollingInterval,
                TakesLost = MyInvocation.ExpectingInput,
                TakesAll = !MyInvocation.ExpectingInput && !MyInvocation.BoundParameters.ContainsKey(nameof(TaskId)) && !MyInvocation.BoundParameters.ContainsKey(nameof(InputObject)),
            });
    }

    private void ProcessBody()
    {
        try
        {
            byte[] body = Encoding.UTF8.GetBytes(Body);
            CallbackReport? report = null;
            if (_key is not null)
            {
                (string? timestamp, string? signature) = ParameterSetName == BodyHeadersSet ? CallbackHeaders.Read(Headers) : (Timestamp, Signature);
                report = new CallbackVerifier(_key, TimeSpan.FromSeconds(MaxAge), TimeProvider.System).Check(body, timestamp, signature);
            }

            var processor = new CallbackProcessor(GetService());
            KlingVideoTask task = Await(token => processor.ProcessAsync(body, Uri, report, token));
            _finished++;
            Write(WaitOutcomes.From(task));
        }
        catch (KlingException exception)
        {
            WriteErrorOrEnd(exception, Body);
        }
    }

    private void Emit(Outcome<TaskReference, KlingVideoTask> result)
    {
        _finished++;
        _unfinished.Remove(result.Item);
        ShowProgress();
        Write(result);
    }

    /// <summary>Tells of the first of each kind; many more may follow, and are counted.</summary>
    private void OnFirstRefused(EndPoint? client, CallbackResult result) => Post(() =>
    {
        WriteVerbose($"A request from {client} was refused: {result}. Others of the kind are only counted.");
        if (_key is not null && result is CallbackResult.Forged or CallbackResult.Stale)
        {
            WriteWarning(result == CallbackResult.Forged
                ? "A callback was refused because its signature is missing or wrong. If the service sent it, -HmacKey is not the key shown at https://kie.ai/settings."
                : "A callback was refused because it was signed too long ago or in the future. If the service sent it, the clock of this machine is wrong.");
        }
    });

    private void ShowProgress()
    {
        CallbackCounts counts = _listener!.Counts;
        string refused = counts.Refused == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", {counts.Refused} requests refused");
        if (_fed == 0)
        {
            Progress.Show(string.Create(CultureInfo.InvariantCulture, $"{_finished} finished, listening at {_listener.Prefix}{refused}"), -1);
        }
        else
        {
            Progress.Show(string.Create(CultureInfo.InvariantCulture, $"{_finished} of {_fed} finished{refused}"), Math.Min(100, _finished * 100 / _fed));
        }
    }

    /// <summary>One line for whoever watches; not in the output, and silent with -InformationAction Ignore.</summary>
    private void WriteSummary()
    {
        string ignored = _receiver!.Ignored == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"; {_receiver.Ignored} about tasks that are not known here");
        string lost = _receiver.StillLost == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $" Lost answers without a callback: {_receiver.StillLost} (Get-KlingVideoTask -State Unknown).");
        string summary = $"Callbacks at {_listener!.Prefix}: {_listener.Counts}{ignored}.{lost}";
        WriteInformation(new HostInformationMessage { Message = summary }, ["PSHOST"]);
    }
}
