using CsCheck;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Ledger.Contract;

/// <summary>Random lives of a ledger beside a model in memory that says what each step has to lead to.</summary>
public abstract class LedgerModelContract
{
    private readonly Func<LedgerHost> _createHost;

    private readonly int _lives;

    private protected LedgerModelContract(Func<LedgerHost> createHost, int lives = 30) => (_createHost, _lives) = (createHost, lives);

    private const decimal Price = 42;
    private const decimal RunLimit = 5 * Price;

    private enum Step
    {
        Begin,
        Claim,
        Resubmit,
        Accept,
        Reject,
        LoseAnswer,
        HoldBack,
        SendAgain,
        Snapshot,
        Resolve,
        Abandon,
        Forget,
        Save,
        Remove,
        Reopen,
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public Task Whatever_happens_in_whatever_order_the_ledger_says_what_the_model_says()
        => Gen.Select(Gen.Enum<Step>(), Gen.Int[0, 7], Gen.Int[0, 7]).Array[1, 40].SampleAsync(
            async steps =>
            {
                await using LedgerHost host = _createHost();
                var model = new Model();
                SqlLedger ledger = await host.OpenAsync(OwnerOf(0), _ => false);
                int runs = 0;
                foreach ((Step step, int a, int b) in steps)
                {
                    if (step == Step.Reopen)
                    {
                        await ledger.DisposeAsync();
                        ledger = await host.OpenAsync(OwnerOf(++runs), _ => false);
                        model.LoseOwner();
                    }
                    else
                    {
                        await DoAsync(ledger, model, step, a, b);
                    }

                    IReadOnlyList<KlingVideoTask> tasks = await ledger.Tasks.ListAsync(new TaskFilter(), Token);
                    Assert.Equal(
                        model.Records.Values,
                        tasks.Select(task => new Record(task.Id, task.Identity, task.TaskState, task.TaskId, task.CreditsReserved, task.CreditsConsumed, task.SavedPath, task.Replaces)));
                    Assert.True(tasks.Sum(task => task.CreditsReserved + (task.CreditsConsumed ?? 0)) <= RunLimit + (model.Adopted * Price));
                }
            },
            iter: _lives,
            threads: 1);

    /// <summary>Does a step to both; what the model refuses the ledger has to refuse as well.</summary>
    private static async Task DoAsync(SqlLedger ledger, Model model, Step step, int a, int b)
    {
        long id = a + 1;
        KlingVideoTask attempt = await ledger.Tasks.GetAttemptAsync(id);
        string taskId = $"t{b}";
        var budget = new BudgetLimit { RunId = "run", MaxCredits = RunLimit };
        TaskIntent intent = TempLedger.Intent($"image {b % 3}", Price, budget, step == Step.Resubmit ? id : null);
        KlingTaskState state = (b % 4) switch
        {
            0 => KlingTaskState.Waiting,
            1 => KlingTaskState.Generating,
            2 => KlingTaskState.Succeeded,
            _ => KlingTaskState.Failed,
        };

        Func<Task> act = step switch
        {
            Step.Begin or Step.Resubmit => () => ledger.Tasks.BeginAsync(intent, Token),
            Step.Claim => () => ledger.Tasks.ClaimAsync(intent, Token),
            Step.Accept => () => RequireNotRefusedAsync(ledger.Tasks.RecordAcceptedAsync(id, taskId)),
            Step.Reject => () => RequireNotRefusedAsync(ledger.Tasks.RecordRejectedAsync(attempt, "422", "no")),
            Step.LoseAnswer => () => ledger.Tasks.RecordUnknownAsync(id, intent.Nonce, intent with { Nonce = attempt.Nonce ?? intent.Nonce }),
            Step.HoldBack => () => RequireNotRefusedAsync(ledger.Tasks.RecordHeldBackAsync(attempt, "later")),
            Step.SendAgain => () => RequireNotRefusedAsync(ledger.Tasks.RecordSentAgainAsync(attempt, TimeSpan.FromHours(1), intent: null, Token)),
            Step.Snapshot => () => ledger.Tasks.RecordSnapshotAsync(TempLedger.Account, TempLedger.Snapshot(taskId, state)),
            Step.Resolve => () => ledger.Tasks.ResolveAsync(id, TempLedger.Snapshot(taskId, state)),
            Step.Forget => () => ledger.Tasks.RecordForgottenAsync(id, taskId, "gone"),
            Step.Abandon => () => ledger.Tasks.AbandonAsync(id),
            Step.Save => () => ledger.Tasks.RecordSavedAsync(id, $"/videos/{b}.mp4", "cafe"),
            _ => () => ledger.Tasks.RemoveAsync(id),
        };
        bool expected = step switch
        {
            Step.Begin => model.Begin(intent.Identity, null),
            Step.Resubmit => model.Begin(intent.Identity, id),
            Step.Claim => model.IsBought(intent.Identity) || model.Begin(intent.Identity, null),
            Step.Accept => model.Accept(id, taskId),
            Step.Reject => model.Reject(id),
            Step.LoseAnswer => model.LoseAnswer(id, intent.Identity),
            Step.HoldBack => model.HoldBack(id),
            Step.SendAgain => model.SendAgain(id),
            Step.Snapshot => model.Snapshot(taskId, state),
            Step.Resolve => model.Resolve(id, taskId, state),
            Step.Forget => model.Forget(id, taskId),
            Step.Abandon => model.Abandon(id),
            Step.Save => model.Save(id, $"/videos/{b}.mp4"),
            _ => model.Remove(id),
        };
        Exception? refusal = await Xunit.Record.ExceptionAsync(act);
        Assert.True(expected ? refusal is null : refusal is KlingException or RefusedException, $"{step} {id} {taskId} {state}: {refusal}");
    }

    private static async Task RequireNotRefusedAsync(Task<RecordResult> recording)
    {
        if (await recording is not RecordResult.Recorded)
        {
            throw new RefusedException();
        }
    }

    private static ProcessIdentity OwnerOf(int run) => new(100 + run, run, "boot", "machine");

    private sealed class RefusedException : Exception;

    private sealed record Record(
        long Id, string? Identity, KlingTaskState State, string? TaskId, decimal Reserved, decimal? Consumed, string? SavedPath, long? Replaces);

    private sealed class Model
    {
        private readonly HashSet<long> _heldBack = [];

        /// <summary>The number that each attempt began with which was settled once, and is not any more.</summary>
        private readonly Dictionary<long, long> _reopened = [];
        private long _last;
        private decimal _spentOnRemoved;

        public SortedDictionary<long, Record> Records { get; } = [];

        /// <summary>Tasks taken in from the service, and attempts that turned out to be bought after they had been given up or refused: no budget could hold them back.</summary>
        public int Adopted { get; private set; }

        /// <summary>Whether a video is bought, or may be: also by a task that the service has forgotten.</summary>
        public bool IsBought(string identity) => Records.Values.Any(record => record.Identity == identity
            && record is not ({ State: KlingTaskState.Failed or KlingTaskState.Rejected } or { State: KlingTaskState.Abandoned, TaskId: null }));

        /// <summary>
        /// Whether something else has replaced an attempt, or what that has replaced was bought. All requests are of one run here, so none of them
        /// takes its place unless it replaces something.
        /// </summary>
        private bool IsReplaced(long id)
        {
            List<long> line = LineOf(id);
            return Records.Values.Any(other => other.Id != id
                && other.Identity == Records[id].Identity
                && IsPurchase(other)
                && (line.Contains(other.Id) ? other.TaskId is not null : HasTakenPlaceOf(id, line, other)));
        }

        /// <summary>An attempt, what it replaces, and so on, whatever numbers these have now.</summary>
        private List<long> LineOf(long id)
        {
            List<long> line = [id];
            for (int i = 0; i < line.Count; i++)
            {
                IEnumerable<long> replaced = FindSame(line[i], id) is { } record ? record.Replaces is long earlier ? [earlier] : []
                    : Records.Keys.Where(other => FindSame(other, id) is not null && _reopened.TryGetValue(other, out long former) && former <= line[i]);
                line.AddRange(replaced.Except(line).ToList());
            }

            return line;
        }

        private static bool IsPurchase(Record record)
            => !record.State.IsSettled() || record is { State: KlingTaskState.Succeeded } or { State: KlingTaskState.Abandoned, TaskId: not null };

        private bool HasTakenPlaceOf(long id, List<long> line, Record other)
            => other.Replaces is long replaced
                && (line.Contains(replaced)
                    || (FindSame(replaced, id) is { } former ? HasTakenPlaceOf(id, line, former) : _reopened.TryGetValue(id, out long since) && other.Id > since));

        private Record? FindSame(long id, long other) => Find(id) is { } record && record.Identity == Records[other].Identity ? record : null;

        public bool Begin(string identity, long? replaces)
        {
            decimal spent = _spentOnRemoved + Records.Values.Sum(SpentOn);
            if (replaces is long old)
            {
                if (StateOf(old) != KlingTaskState.Unknown || IsReplaced(old))
                {
                    return false;
                }

                spent -= Records[old].Reserved;
            }

            if (spent + Price > RunLimit)
            {
                return false;
            }

            if (replaces is long replaced)
            {
                Abandon(replaced);
            }

            Put(new Record(++_last, identity, KlingTaskState.Submitting, null, Price, null, null, replaces));
            return true;
        }

        public bool Accept(long id, string taskId)
        {
            if (Find(id) is not { } record || (record.TaskId ?? taskId) != taskId)
            {
                return false;
            }

            if (record.TaskId == taskId)
            {
                return true;
            }

            Record? twin = Remembered(ByTaskId(taskId));
            if (twin?.Identity is not null)
            {
                return false;
            }

            if (twin is not null)
            {
                Records.Remove(twin.Id);
            }

            bool isSurprise = record.State is KlingTaskState.Abandoned or KlingTaskState.Rejected;
            Adopted += isSurprise ? 1 : 0;
            Reopen(record);
            Put(record with
            {
                TaskId = taskId,
                State = twin?.State ?? KlingTaskState.Waiting,
                Reserved = twin?.Reserved ?? (isSurprise ? Price : record.Reserved),
                Consumed = twin?.Consumed,
                SavedPath = twin?.SavedPath ?? record.SavedPath,
            });
            return true;
        }

        /// <summary>What the attempt was to replace is not given up then.</summary>
        public bool Reject(long id)
            => Change(id, [KlingTaskState.Submitting, KlingTaskState.Unknown], record =>
            {
                if (record.Replaces is long replaced && FindSame(replaced, id) is { State: KlingTaskState.Abandoned, TaskId: null } attempt
                    && !Records.Values.Any(other => other.Id != id && other.Replaces == replaced && other.Identity == record.Identity && IsPurchase(other)))
                {
                    Put(attempt with { State = KlingTaskState.Unknown, Reserved = record.Reserved, Consumed = null });
                }

                return record with { State = KlingTaskState.Rejected, Reserved = 0, Consumed = 0 };
            });

        /// <summary>Whoever has sent a request knows better than those who have settled, or even removed, it.</summary>
        public bool LoseAnswer(long id, string identity)
        {
            Record? attempt = Find(id) is { Identity: not null } found ? found : null;
            bool isSurprise = attempt?.State is null or KlingTaskState.Rejected or KlingTaskState.Abandoned;
            Record record = attempt ?? new Record(++_last, identity, KlingTaskState.Submitting, null, Price, null, null, null);
            if (attempt is null)
            {
                // If somebody else's record has the number, it does not tell what came later.
                _reopened[record.Id] = Find(id) is null && id < record.Id ? id : 0;
            }

            if (record.TaskId is null)
            {
                Reopen(record);
                Adopted += isSurprise ? 1 : 0;
                Put(record with { State = KlingTaskState.Unknown, Reserved = isSurprise ? Price : record.Reserved, Consumed = null });
            }

            return true;
        }

        private void Reopen(Record before)
        {
            if (before.State.IsSettled())
            {
                _reopened.TryAdd(before.Id, before.Id);
            }
        }

        public bool HoldBack(long id)
        {
            if (StateOf(id) != KlingTaskState.Submitting)
            {
                return false;
            }

            _heldBack.Add(id);
            return true;
        }

        public bool SendAgain(long id)
        {
            if (StateOf(id) != KlingTaskState.Submitting)
            {
                return false;
            }

            _heldBack.Remove(id);
            return true;
        }

        public bool Snapshot(string taskId, KlingTaskState state)
        {
            if (ByTaskId(taskId) is null)
            {
                Adopted++;
                Put(new Record(++_last, null, KlingTaskState.Waiting, taskId, Price, null, null, null));
            }

            Record record = Remembered(ByTaskId(taskId))!;
            if (!record.State.IsSettled())
            {
                Put(state switch
                {
                    KlingTaskState.Succeeded => record with { State = state, Reserved = 0, Consumed = record.Reserved },
                    KlingTaskState.Failed => record with { State = state, Reserved = 0, Consumed = 0 },
                    _ => record with { State = state },
                });
            }

            return true;
        }

        public bool Resolve(long id, string taskId, KlingTaskState state)
            => StateOf(id) == KlingTaskState.Unknown && Accept(id, taskId) && Snapshot(taskId, state);

        public bool Abandon(long id)
            => Change(id, [KlingTaskState.Unknown], record => record with { State = KlingTaskState.Abandoned, Reserved = 0 });

        public bool Forget(long id, string taskId)
        {
            if (Find(id) is not { } record || record.TaskId != taskId || !record.State.IsPending())
            {
                return false;
            }

            Put(record with { State = KlingTaskState.Abandoned, Reserved = 0, Consumed = record.Reserved });
            return true;
        }

        /// <summary>What was given up as forgotten is open again once somebody tells of it.</summary>
        private static Record? Remembered(Record? record) => record is { State: KlingTaskState.Abandoned, TaskId: not null }
            ? record with { State = KlingTaskState.Waiting, Reserved = record.Consumed ?? 0, Consumed = null }
            : record;

        public bool Save(long id, string path) => Change(id, Enum.GetValues<KlingTaskState>(), record => record with { SavedPath = path });

        /// <summary>What was spent stays spent.</summary>
        public bool Remove(long id)
        {
            if (StateOf(id)?.IsSettled() != true
                || (Records[id] is { State: KlingTaskState.Abandoned, TaskId: null }
                    && Records.Values.Any(other => other.Replaces == id && other.Identity == Records[id].Identity && other.State is KlingTaskState.Submitting or KlingTaskState.Unknown)))
            {
                return false;
            }

            _spentOnRemoved += SpentOn(Records[id]);
            return Records.Remove(id);
        }

        public void LoseOwner()
        {
            foreach (Record record in Records.Values.Where(record => record.State == KlingTaskState.Submitting).ToList())
            {
                if (_heldBack.Contains(record.Id))
                {
                    Reject(record.Id);
                }
                else
                {
                    Put(record with { State = KlingTaskState.Unknown });
                }
            }
        }

        /// <summary>What counts against the limit of the run. A task taken in from the service belongs to no run.</summary>
        private static decimal SpentOn(Record record) => record.Identity is null ? 0 : record.Reserved + (record.Consumed ?? 0);

        private Record? Find(long id) => Records.GetValueOrDefault(id);

        private KlingTaskState? StateOf(long id) => Find(id)?.State;

        private Record? ByTaskId(string taskId) => Records.Values.SingleOrDefault(record => record.TaskId == taskId);

        private void Put(Record record) => Records[record.Id] = record;

        private bool Change(long id, KlingTaskState[] from, Func<Record, Record> change)
        {
            if (Find(id) is not { } record || !from.Contains(record.State))
            {
                return false;
            }

            Put(change(record));
            return true;
        }
    }
}
