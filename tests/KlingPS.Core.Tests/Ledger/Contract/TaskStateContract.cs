using KlingPS.Core.Ledger;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>What every operation makes of a task in every state: what it becomes, or that nothing changes and how that is said.</summary>
public abstract class TaskStateContract : LedgerContract
{
    private const string Unchanged = "recorded, unchanged";
    private const string Superseded = "superseded";
    private const string Refused = "refused";
    private const string Removed = "removed";
    private const string Found = "found";
    private const string New = "new";

    /// <summary>In the order of <see cref="s_states"/>.</summary>
    private static readonly Dictionary<string, string[]> s_expected = new()
    {
        ["accept"] = ["Waiting", "Waiting", Superseded, Superseded, Superseded, Superseded, "Waiting", "Waiting"],
        ["accept again"] = [Refused, Refused, Unchanged, Unchanged, Unchanged, Unchanged, Refused, Refused],
        ["accept the id of another attempt"] = ["taken", "taken", Superseded, Superseded, Superseded, Superseded, "taken", "taken"],
        ["reject"] = ["Rejected", "Rejected", Superseded, Superseded, Superseded, Superseded, Superseded, Superseded],
        ["lose the response"] = ["Unknown", "Unknown", Superseded, Superseded, Superseded, Superseded, "Unknown", "Unknown"],
        ["observe as failed"] = [Refused, Refused, "Failed", "Failed", Unchanged, Unchanged, Refused, Refused],
        ["resolve"] = [Refused, "Generating", Refused, Refused, Refused, Refused, Refused, Refused],
        ["abandon"] = [Refused, "Abandoned", Refused, Refused, Refused, Refused, Refused, Refused],
        ["forget"] = [Refused, Refused, "Abandoned", "Abandoned", Refused, Refused, Refused, Refused],
        ["replace"] = [Refused, "Abandoned", Refused, Refused, Refused, Refused, Refused, Refused],
        ["remove"] = [Refused, Refused, Refused, Refused, Removed, Removed, Removed, Removed],
        ["save"] = ["Submitting", "Unknown", "Waiting", "Generating", "Succeeded", "Failed", "Rejected", "Abandoned"],
        ["claim"] = [Found, Found, Found, Found, Found, New, New, New],
    };

    private static readonly KlingTaskState[] s_states =
    [
        KlingTaskState.Submitting, KlingTaskState.Unknown, KlingTaskState.Waiting, KlingTaskState.Generating,
        KlingTaskState.Succeeded, KlingTaskState.Failed, KlingTaskState.Rejected, KlingTaskState.Abandoned,
    ];

    private protected TaskStateContract(LedgerHost host)
        : base(host)
    {
    }

    public static TheoryData<string> Operations => [.. s_expected.Keys];

    /// <remarks>All states in one ledger, since it takes longer to open one on a server than all that is done to a task.</remarks>
    [Theory]
    [MemberData(nameof(Operations))]
    public async Task Every_operation_does_in_every_state_what_it_may(string operation)
    {
        ITaskJournal journal = Ledger.Tasks;
        await AcceptedAsync("of another attempt", "another image");
        foreach ((KlingTaskState state, string expected) in s_states.Zip(s_expected[operation]))
        {
            KlingVideoTask before = await MakeAsync(state, $"image {state}");
            Assert.Equal(state, before.TaskState);
            int count = (await journal.ListAsync(new TaskFilter(), Token)).Count;

            string outcome = await DoAsync(operation, before);

            Assert.Equal((state, expected), (state, outcome));
            KlingVideoTask? after = await journal.FindAsync(before.Id, Token);
            if (outcome is Unchanged or Superseded or Refused or "taken" or Found or New)
            {
                Assert.Equal(before, after);
            }

            int left = count + (outcome == New || (operation == "replace" && outcome != Refused) ? 1 : outcome == Removed ? -1 : 0);
            Assert.Equal(left, (await journal.ListAsync(new TaskFilter(), Token)).Count);
        }
    }

    [Theory]
    [InlineData("accept")]
    [InlineData("resolve")]
    [InlineData("abandon")]
    [InlineData("forget")]
    [InlineData("replace")]
    [InlineData("remove")]
    [InlineData("save")]
    public async Task No_operation_makes_up_a_task_that_is_not_there(string operation)
    {
        KlingVideoTask gone = await MakeAsync(KlingTaskState.Rejected);
        await Ledger.Tasks.RemoveAsync(gone.Id);

        Assert.Equal(ErrorKind.TaskNotFound, (await Assert.ThrowsAsync<KlingException>(() => ActAsync(operation, gone))).Kind);

        Assert.Empty(await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Fact]
    public async Task Of_an_attempt_that_was_settled_and_removed_it_is_said_that_it_is_gone()
    {
        KlingVideoTask gone = await MakeAsync(KlingTaskState.Rejected);
        await Ledger.Tasks.RemoveAsync(gone.Id);

        RecordResult[] results =
        [
            await Ledger.Tasks.RecordRejectedAsync(gone, null, "no"),
            await Ledger.Tasks.RecordHeldBackAsync(gone, "later"),
            await Ledger.Tasks.RecordSentAgainAsync(gone, TimeSpan.FromHours(1), intent: null, Token),
            await Ledger.Tasks.RecordDetachedAsync(gone.Id, "t1", "another's"),
        ];

        Assert.All(results, result => Assert.IsType<RecordResult.Removed>(result));
        Assert.Empty(await Ledger.Tasks.ListAsync(new TaskFilter(), Token));
    }

    [Theory]
    [InlineData("resolve", KlingTaskState.Submitting, "Task <task> is being submitted, and the process that does so may be running. Wait for the response. If none comes, the task becomes Unknown, and can be resolved then.")]
    [InlineData("abandon", KlingTaskState.Waiting, "Task <task> is Waiting: there is nothing to resolve. Only attempts in state Unknown can be resolved.")]
    [InlineData("forget", KlingTaskState.Succeeded, "Task <task> has become Succeeded in the meantime. Nothing was given up.")]
    [InlineData("remove", KlingTaskState.Unknown, "Task <task> may have been paid for. Resolve it with Resolve-KlingVideoTask before you remove it.")]
    [InlineData("remove", KlingTaskState.Generating, "Task <task> is not finished. Without its record, the video that is paid for could not be fetched. If the service does not know it any more, Resolve-KlingVideoTask -Abandon gives it up.")]
    public async Task What_may_not_be_done_to_a_task_is_refused_with_the_reason(string operation, KlingTaskState state, string reason)
    {
        KlingVideoTask task = await MakeAsync(state);

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ActAsync(operation, task));

        Assert.Equal(reason.Replace("<task>", $"{task.Id} ({task.Subject})", StringComparison.Ordinal), error.Message);
    }

    [Fact]
    public async Task An_attempt_cannot_be_resolved_to_the_task_of_another_one_which_is_named()
    {
        KlingVideoTask task = await MakeAsync(KlingTaskState.Unknown);
        KlingVideoTask other = await AcceptedAsync(LaterId(task), "another image");

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ActAsync("resolve", task));

        Assert.Equal($"The task {LaterId(task)} of the service is the video of task {other.Id} ({other.Subject}) already.", error.Message);
    }

    /// <summary>The id that the service gives to a task later on.</summary>
    private static string LaterId(KlingVideoTask task) => $"later-{task.Id}";

    private async Task<KlingVideoTask> MakeAsync(KlingTaskState state, string image = "image")
    {
        ITaskJournal journal = Ledger.Tasks;
        KlingVideoTask task = await journal.BeginAsync(TempLedger.Intent(image), Token);
        switch (state)
        {
            case KlingTaskState.Submitting:
                return task;
            case KlingTaskState.Unknown:
                return await journal.LoseAsync(task.Id);
            case KlingTaskState.Rejected:
                return await journal.RejectAsync(task.Id, "422", "no");
            case KlingTaskState.Abandoned:
                await journal.LoseAsync(task.Id);
                return await journal.AbandonAsync(task.Id);
            default:
                await journal.AcceptAsync(task.Id, $"first-{task.Id}");
                return await journal.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot($"first-{task.Id}", state));
        }
    }

    private async Task<string> DoAsync(string operation, KlingVideoTask task)
    {
        if (task.TaskId is null && operation is ("accept again" or "observe as failed"))
        {
            // There is no id to do it by.
            return Refused;
        }

        try
        {
            return await ActAsync(operation, task) switch
            {
                RecordResult.Superseded { Task: var current } when current.Id == task.Id => Superseded,
                RecordResult.Taken { Other.TaskId: "of another attempt" } => "taken",
                RecordResult.Recorded { Task: var recorded } => recorded == task ? Unchanged : recorded.State.ToString(),
                KlingVideoTask changed => changed == task ? Unchanged : changed.State.ToString(),
                TaskClaim { IsNew: true } => New,
                TaskClaim { IsNew: false, Task: var found } when found == task => Found,
                null => Removed,
                var other => other.ToString()!,
            };
        }
        catch (KlingException exception) when (exception.Kind == ErrorKind.RequestInvalid)
        {
            return Refused;
        }
    }

    private async Task<object?> ActAsync(string operation, KlingVideoTask task)
    {
        ITaskJournal journal = Ledger.Tasks;
        switch (operation)
        {
            case "accept":
                return await journal.RecordAcceptedAsync(task.Id, LaterId(task));
            case "accept again":
                return await journal.RecordAcceptedAsync(task.Id, task.TaskId!);
            case "accept the id of another attempt":
                return await journal.RecordAcceptedAsync(task.Id, "of another attempt");
            case "reject":
                return await journal.RecordRejectedAsync(task, "500", "not now");
            case "lose the response":
                return await journal.ReportLostAsync(task.Id, "it broke");
            case "observe as failed":
                return await journal.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot(task.TaskId!, KlingTaskState.Failed));
            case "resolve":
                return await journal.ResolveAsync(task.Id, TempLedger.Snapshot(LaterId(task), KlingTaskState.Generating));
            case "abandon":
                return await journal.AbandonAsync(task.Id);
            case "forget":
                return await journal.RecordForgottenAsync(task.Id, task.TaskId ?? "t1", "gone");
            case "replace":
                await journal.BeginAsync(TempLedger.Intent(task.SourceHash!, replaces: task.Id), Token);
                return await journal.FindAsync(task.Id, Token);
            case "save":
                return await journal.RecordSavedAsync(task, "/videos/a.mp4", "cafe");
            case "claim":
                return await journal.ClaimAsync(TempLedger.Intent(task.SourceHash!), Token);
            default:
                await journal.RemoveAsync(task.Id);
                return null;
        }
    }
}
