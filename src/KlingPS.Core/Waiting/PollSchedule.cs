using System.Numerics;
using KlingPS.Core.Model;
using KlingPS.Core.Scheduling;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Waiting;

/// <summary>Schedules the turns of all tasks that are waited for, and plans polls again when more is known about how long tasks take. Thread-safe.</summary>
/// <remarks>A plan is made and queued under one lock, and new times are taken in under the same lock: no plan is out of date.</remarks>
internal sealed class PollSchedule
{
    private readonly KlingSession _session;
    private readonly PollQueue<Watch> _queue;
    private readonly PollPlanner _planner;
    private readonly DurationHistory _history;
    private readonly object _lock = new();
    private readonly Dictionary<(string Model, int Duration), Cohort> _cohorts = [];
    private long _joined;

    public PollSchedule(KlingSession session, PollQueue<Watch> queue, TimeSpan? pollingInterval)
    {
        _session = session;
        _queue = queue;
        _planner = new PollPlanner(session.GenerationTimes, pollingInterval);
        _history = new DurationHistory(session);
    }

    /// <summary>Begins the turn of a task that has been taken from the queue.</summary>
    /// <param name="watch">The task.</param>
    /// <param name="isToLearn">Whether the ledger is asked how long tasks of its kind took.</param>
    /// <param name="cancellationToken">Ends the wait for the ledger.</param>
    public async Task BeginTurnAsync(Watch watch, bool isToLearn, CancellationToken cancellationToken)
    {
        if (watch.Cohort is null && isToLearn)
        {
            await _history.LoadAsync(watch.Task, cancellationToken).ConfigureAwait(false);
        }

        lock (_lock)
        {
            watch.IsPlanned = false;
            if (watch.Cohort is null)
            {
                Join(watch);
            }
        }
    }

    /// <summary>When the planner would poll a task next, by what is known now.</summary>
    public Instant NextPollAt(Watch watch)
    {
        lock (_lock)
        {
            return Plan(watch);
        }
    }

    /// <summary>The task's next turn is when the planner says.</summary>
    public void ScheduleAsPlanned(Watch watch)
    {
        lock (_lock)
        {
            watch.IsPlanned = true;
            _queue.Schedule(watch, Plan(watch));
        }
    }

    /// <summary>The task's next turn is at a certain time.</summary>
    public void ScheduleAt(Watch watch, Instant time) => _queue.Schedule(watch, time);

    /// <summary>Takes in how long a task has taken, and plans the polls of others of its kind again if that changes much.</summary>
    public void Learn(Watch watch, TimeSpan generation)
    {
        lock (_lock)
        {
            Cohort cohort = watch.Cohort!;
            DurationDistribution before = _session.GenerationTimes.Get(cohort.Model, cohort.Duration);
            _session.GenerationTimes.Add(cohort.Model, cohort.Duration, generation);

            // It changes much each time the number of known times has doubled, and when the service is much faster than ever before.
            if (BitOperations.IsPow2(before.Count + 1) || generation < 0.8 * before.Quantile(0))
            {
                Replan(cohort.Members);
            }
        }
    }

    /// <summary>The task is no longer waited for.</summary>
    public void Leave(Watch watch)
    {
        lock (_lock)
        {
            if (watch.Cohort is not Cohort cohort)
            {
                return;
            }

            bool wasProbe = cohort.AgeRankOf(watch) < PollPlanner.MaxProbes;
            if (cohort.Members.Remove(watch) && wasProbe)
            {
                // Another task takes its place.
                Replan(cohort.Eldest);
            }
        }
    }

    private void Join(Watch watch)
    {
        KlingVideoTask task = watch.Task;
        if (!_cohorts.TryGetValue((task.Model, task.Spec.Seconds), out Cohort? cohort))
        {
            _cohorts.Add((task.Model, task.Spec.Seconds), cohort = new Cohort(task.Model, task.Spec.Seconds));
        }

        watch.Cohort = cohort;
        watch.Place = (task.StartedAt(), ++_joined);
        cohort.Members.Add(watch);
    }

    private Instant Plan(Watch watch)
    {
        KlingVideoTask task = watch.Task;
        return _planner.Next(new PollSubject(
            task.Model,
            task.Spec.Seconds,
            watch.StartedAt,
            watch.LastPolledAt,
            _queue.Count,
            watch.Cohort!.AgeRankOf(watch)));
    }

    /// <summary>Only what waits for its planned turn: nothing of a task whose turn it is may be read here.</summary>
    private void Replan(IEnumerable<Watch> watches)
    {
        foreach (Watch watch in watches.Where(watch => watch.IsPlanned))
        {
            _queue.Reschedule(watch, Plan(watch));
        }
    }
}

/// <summary>The tasks of one model and duration that are waited for.</summary>
internal sealed class Cohort(string model, int duration)
{
    public string Model => model;

    public int Duration => duration;

    /// <summary>The ones that the service accepted first come first.</summary>
    public SortedSet<Watch> Members { get; } = new(Comparer<Watch>.Create((one, other) => one.Place.CompareTo(other.Place)));

    /// <summary>Those that may be probes.</summary>
    public IEnumerable<Watch> Eldest => Members.Take(PollPlanner.MaxProbes);

    /// <summary>How many members are older, as far as the planner cares.</summary>
    public int AgeRankOf(Watch watch) => Eldest.TakeWhile(older => older != watch).Count();
}
