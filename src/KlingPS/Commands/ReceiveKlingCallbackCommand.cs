using System.Management.Automation;
using System.Net;
using System.Text;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Waiting;
using KlingPS.Hosting;
using KlingPS.Parameters;
using KlingPS.Text;

namespace KlingPS.Commands;

/// <summary>Listens for callbacks and emits each task as it finishes; or processes one that another web server has received.</summary>
[Cmdlet(VerbsCommunications.Receive, "KlingCallback")]
[OutputType(typeof(KlingVideoTask))]
public sealed class ReceiveKlingCallbackCommand : CallbackKeyCommand
{
    private const string ForAll = "Listen";
    private const string ForInput = "InputObject";
    private const string ForTaskId = "TaskId";
    private const string OfBody = "Body";
    private const string OfBodyWithHeaders = "BodyHeaders";

    private readonly Batch<TaskReference, KlingVideoTask> _batch;
    private CallbackKey? _key;
    private CallbackListener? _listener;
    private CallbackReceiver? _receiver;

    /// <summary>Creates the command.</summary>
    public ReceiveKlingCallbackCommand()
    {
        _batch = Use(new Batch<TaskReference, KlingVideoTask>(this, CreateStage)
        {
            Describe = DescribeProgress,
            Target = TaskReferences.TargetOf,
            Ended = OnEnded,
        });
    }

    /// <summary>The tasks to wait for: as other commands emit them, as the service's ids, or as anything with a TaskId or an Id.</summary>
    [Parameter(ValueFromPipeline = true)]
    [Usage(ForInput, IsRequired = true)]
    public PSObject[] InputObject { get; set; } = [];

    /// <summary>The service's ids of the tasks to wait for.</summary>
    [Parameter]
    [Usage(ForTaskId, IsRequired = true)]
    public string[] TaskId { get; set; } = [];

    /// <summary>Where to listen: http://host:port/path/, the host being localhost, an address of this machine, or + for all of them.</summary>
    [Parameter(Position = 0)]
    [Usage(ForAll)]
    [Usage(ForInput)]
    [Usage(ForTaskId)]
    [NotBlank]
    public string Prefix { get; set; } = CallbackPrefix.Default;

    /// <summary>How long to wait, as seconds or as a time span: for a task from its arrival here; without tasks, how long to listen. Without end when it is left out.</summary>
    [Parameter]
    [Usage(ForAll)]
    [Usage(ForInput)]
    [Usage(ForTaskId)]
    [Seconds]
    [ValidateRange(0.0, 10_000_000.0)]
    public double? Timeout { get; set; }

    /// <summary>How many tasks to emit at most.</summary>
    [Parameter]
    [Usage(ForAll)]
    [Usage(ForInput)]
    [Usage(ForTaskId)]
    [WholeNumber]
    [ValidateRange(1, int.MaxValue)]
    public int? Count { get; set; }

    /// <summary>Does not ask the service for tasks whose callback is overdue.</summary>
    [Parameter]
    [Usage(ForInput)]
    [Usage(ForTaskId)]
    public SwitchParameter NoPolling { get; set; }

    /// <summary>The body of a callback that another web server has received: JSON text.</summary>
    [Parameter]
    [Usage(OfBody, IsRequired = true)]
    [Usage(OfBodyWithHeaders, IsRequired = true)]
    [AllowEmptyString]
    public string Body { get; set; } = string.Empty;

    /// <summary>Its header X-Webhook-Timestamp.</summary>
    [Parameter]
    [Usage(OfBody)]
    [AllowNull]
    [AllowEmptyString]
    public string? Timestamp { get; set; }

    /// <summary>Its header X-Webhook-Signature.</summary>
    [Parameter]
    [Usage(OfBody)]
    [AllowNull]
    [AllowEmptyString]
    public string? Signature { get; set; }

    /// <summary>Its headers, as the web server has them.</summary>
    [Parameter]
    [Usage(OfBodyWithHeaders, IsRequired = true)]
    public PSObject? Headers { get; set; }

    /// <summary>The address at which your web server was called, with its query, which names the request that the callback belongs to.</summary>
    [Parameter]
    [Usage(OfBody)]
    [Usage(OfBodyWithHeaders)]
    public string? Uri { get; set; }

    /// <summary>The file that events are appended to, as JSON lines; the configured one, else none, when it is left out.</summary>
    [Parameter]
    [NotBlank]
    public string? LogPath { get; set; }

    /// <inheritdoc/>
    private protected override bool HasLog => true;

    /// <inheritdoc/>
    private protected override string? GivenLogPath => LogPath;

    /// <inheritdoc/>
    private protected override double? TimeLimit => Timeout;

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Receiving callbacks";

    /// <inheritdoc/>
    private protected override string HowToGive
        => "Name the tasks to wait for, with -TaskId or through the pipeline; or give the callback that another web server has received, with -Body.";

    /// <summary>Whether tasks are named here, or come through the pipeline.</summary>
    private bool NamesTasks => MyInvocation.ExpectingInput || IsGiven(nameof(TaskId)) || IsGiven(nameof(InputObject));

    private bool HasBody => IsGiven(nameof(Body));

    /// <summary>Starts listening before the first task is made upstream: its callback may arrive sooner than the task itself.</summary>
    private protected override void OnBegin()
    {
        _key = FindKey();
        if (_key is null)
        {
            WriteWarning("Callbacks are accepted unsigned, because no -HmacKey was given. Each is only a hint: the service is asked for the truth. Generate a key at https://kie.ai/settings to refuse forged ones.");
        }

        // It is known which parameters are given, but later input is bound only with the first task.
        if (!HasBody)
        {
            _batch.Begin();
            _batch.Refresh();
        }
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        if (HasBody)
        {
            ProcessBody();
            return;
        }

        foreach (TaskReference reference in ResolveReferences())
        {
            if (reference.Task is { TaskId: not null } task)
            {
                Unfinished.Add(task);
            }

            _batch.Feed(reference);
        }
    }

    /// <inheritdoc/>
    private protected override void OnEnd()
    {
        if (_receiver is not null)
        {
            // One line for a person who is watching; not in the output, and silent with -InformationAction Ignore.
            WriteInformation(new HostInformationMessage { Message = CallbackText.Summarize(_listener!, _receiver) }, ["PSHOST"]);
        }
    }

    private void OnEnded(Outcome<TaskReference, KlingVideoTask> outcome) => Unfinished.OnWaited(outcome);

    private IEnumerable<TaskReference> ResolveReferences()
        => IsGiven(nameof(TaskId)) ? TaskReferences.FromTaskIds(TaskId, RefuseInput)
            : NamesTasks ? TaskReferences.Resolve(InputObject, RefuseInput)
            : [];

    private CallbackReceiver CreateStage()
    {
        KlingService service = Context.Service;
        WaitOptions wait = Context.GetWaitOptions(Timeout);
        _listener = Own(CallbackListener.Start(new CallbackListenerOptions
        {
            Prefix = CallbackPrefix.Parse(Prefix),
            Key = _key,
            MaxAge = TimeSpan.FromSeconds(MaxAge),
            OnFirstRefused = OnFirstRefused,
        }));
        WriteVerbose($"Listening at {_listener.Prefix}.");
        return _receiver = CallbackReceiver.Start(
            service,
            _listener,
            new ReceiveOptions
            {
                Timeout = wait.Timeout,
                Count = Count,
                IsPolling = !NoPolling,
                PollingInterval = wait.PollingInterval,
                TakesLost = MyInvocation.ExpectingInput,
                TakesAll = !NamesTasks,
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
                (string? timestamp, string? signature) = Headers is not null ? CallbackHeaders.Read(Headers) : (Timestamp, Signature);
                report = new CallbackVerifier(_key, TimeSpan.FromSeconds(MaxAge), TimeProvider.System).Check(body, timestamp, signature);
            }

            var processor = new CallbackProcessor(Context.Service);
            (_, KlingVideoTask? task, KlingException? error) = WaitOutcomes.From(Await(token => processor.ProcessAsync(body, Uri, report, token)));
            WriteObject(task);
            if (error is not null)
            {
                WriteErrorOrEnd(error, task);
            }
        }
        catch (Exception exception) when (Failures.IsError(exception))
        {
            WriteErrorOrEnd(UnexpectedError.From(exception, "the callback"), Body);
        }
    }

    /// <summary>Reports the first request of each kind; many more may follow, and are only counted.</summary>
    private void OnFirstRefused(EndPoint? client, CallbackResult result) => Post(() =>
    {
        WriteVerbose($"A request from {client} was refused: {result}. Further ones of this kind are only counted.");
        if (_key is not null && CallbackText.AdviseOnRefusal(result) is string advice)
        {
            WriteWarning(advice);
        }
    });

    private ProgressStatus DescribeProgress()
    {
        (int fed, int done, int failed) = _batch.Counts;
        return new ProgressStatus(CallbackText.DescribeProgress(_batch.Counts, _listener!), fed == 0 ? -1 : Math.Min(100, (done + failed) * 100 / fed));
    }
}
