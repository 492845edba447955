using CsCheck;
using KlingPS.Core.Gallery;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Gallery;

public sealed class TakesTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);

    private static KlingVideoTask Task(int id, int take, int minute, string state = nameof(KlingTaskState.Succeeded), bool isSaved = true) => new()
    {
        Id = id,
        TaskId = $"t{id}",
        TaskState = Enum.Parse<KlingTaskState>(state),
        Spec = new VideoSpec { Prompt = "It moves.", Image = MediaSource.FromFile("/fox.png") with { Hash = "aa" }, Take = take },
        CreatedAt = s_noon.AddMinutes(minute),
        SavedPath = isSaved ? $"/fox-{take}.mp4" : null,
    };

    private static GalleryChoice RejectedAt(double? minute)
        => new(Decision.Rejected, 0, string.Empty, minute is double at ? s_noon.AddMinutes(at) : null) { NotBefore = minute is double since ? s_noon.AddMinutes(since) : null };

    private static (int Take, TakeHold Hold) Answer(KlingVideoTask task, double? chosenAt, params KlingVideoTask[] others)
        => new Takes([task, .. others]).Answer(task, isThere: true, null, RejectedAt(chosenAt), s_noon.AddDays(1));

    [Fact]
    public void A_choice_asks_for_the_same_take_after_it_was_bought_as_before()
    {
        Assert.Equal((2, TakeHold.None), Answer(Task(1, take: 1, minute: 0), 10));
        Assert.Equal((2, TakeHold.None), Answer(Task(1, take: 1, minute: 0), 10, Task(2, take: 2, minute: 11)));
        Assert.Equal((2, TakeHold.None), Answer(Task(1, take: 1, minute: 0), 10, Task(2, take: 2, minute: 11), Task(3, take: 3, minute: 30)));
    }

    [Fact]
    public void A_video_that_is_rejected_once_more_later_gets_one_more_take()
        => Assert.Equal((3, TakeHold.None), Answer(Task(1, take: 1, minute: 0), 20, Task(2, take: 2, minute: 11)));

    [Fact]
    public void Of_takes_that_are_all_rejected_together_one_more_is_made()
    {
        KlingVideoTask[] takes = [Task(1, take: 1, minute: 0), Task(2, take: 2, minute: 1), Task(3, take: 3, minute: 2)];

        Assert.All(takes, task => Assert.Equal((4, TakeHold.None), Answer(task, 10, takes)));
        Assert.All(takes, task => Assert.Equal((4, TakeHold.None), Answer(task, 10, [.. takes, Task(4, take: 4, minute: 11)])));
    }

    [Fact]
    public void A_choice_that_does_not_say_when_is_answered_by_any_later_take()
    {
        Assert.Equal((2, TakeHold.None), Answer(Task(1, take: 1, minute: 0), null));
        Assert.Equal((2, TakeHold.None), Answer(Task(1, take: 1, minute: 0), null, Task(2, take: 2, minute: 11)));
        Assert.Equal((3, TakeHold.None), Answer(Task(2, take: 2, minute: 11), null, Task(1, take: 1, minute: 0)));
    }

    [Fact]
    public void A_choice_of_a_browser_whose_clock_is_behind_is_not_answered_by_an_earlier_take()
        => Assert.Equal((3, TakeHold.None), Answer(Task(2, take: 2, minute: 11), -60, Task(1, take: 1, minute: 0)));

    [Fact]
    public void A_choice_of_a_browser_whose_clock_is_ahead_buys_nothing_until_that_time_has_come()
    {
        KlingVideoTask task = Task(1, take: 1, minute: 0);
        var takes = new Takes([task]);

        Assert.Equal((1, TakeHold.Early), takes.Answer(task, isThere: true, null, RejectedAt(10), s_noon.AddMinutes(9)));
        Assert.Equal((2, TakeHold.None), takes.Answer(task, isThere: true, null, RejectedAt(10), s_noon.AddMinutes(10)));
    }

    [Theory]
    [InlineData(nameof(KlingTaskState.Unknown), false, nameof(TakeHold.Unknown))]
    [InlineData(nameof(KlingTaskState.Submitting), false, nameof(TakeHold.Pending))]
    [InlineData(nameof(KlingTaskState.Waiting), false, nameof(TakeHold.Pending))]
    [InlineData(nameof(KlingTaskState.Queuing), false, nameof(TakeHold.Pending))]
    [InlineData(nameof(KlingTaskState.Generating), false, nameof(TakeHold.Pending))]
    [InlineData(nameof(KlingTaskState.Succeeded), false, nameof(TakeHold.Unsaved))]
    [InlineData(nameof(KlingTaskState.Failed), false, nameof(TakeHold.NothingMade))]
    [InlineData(nameof(KlingTaskState.Rejected), false, nameof(TakeHold.NothingMade))]
    [InlineData(nameof(KlingTaskState.Abandoned), false, nameof(TakeHold.NothingMade))]
    public void What_is_not_settled_or_was_not_made_keeps_its_take(string state, bool isSaved, string hold)
    {
        KlingVideoTask task = Task(3, take: 3, minute: 5, state, isSaved);

        Assert.Equal(
            (3, Enum.Parse<TakeHold>(hold)),
            new Takes([task, Task(4, take: 4, minute: 20)]).Answer(task, isThere: false, null, RejectedAt(10), s_noon.AddDays(1)));
    }

    [Fact]
    public void A_video_that_was_saved_and_deleted_or_taken_elsewhere_was_delivered()
    {
        KlingVideoTask deleted = Task(1, take: 1, minute: 0);
        KlingVideoTask taken = Task(2, take: 1, minute: 0, isSaved: false) with { TakenAt = s_noon };

        Assert.All((KlingVideoTask[])[deleted, taken], task => Assert.Equal((2, TakeHold.None), new Takes([task]).Answer(task, isThere: false, null, RejectedAt(1), s_noon.AddDays(1))));
    }

    [Theory]
    [InlineData(4, 5, 6, nameof(TakeHold.Unseen))]
    [InlineData(5.5, 5, 6, nameof(TakeHold.Unseen))]
    [InlineData(7, 5, 6, nameof(TakeHold.None))]
    [InlineData(7, 5, null, nameof(TakeHold.None))]

    // Before it was submitted, nobody can have chosen it: that is another clock.
    [InlineData(-10, 5, 6, nameof(TakeHold.None))]
    public void A_video_that_was_chosen_before_it_could_be_seen_gets_no_other_take(double chosen, int completed, int? saved, string hold)
    {
        KlingVideoTask task = Task(1, take: 1, minute: 0) with { CompletedAt = s_noon.AddMinutes(completed) };
        DateTimeOffset? savedAt = saved is int minute ? s_noon.AddMinutes(minute) : null;

        Assert.Equal(Enum.Parse<TakeHold>(hold), new Takes([task]).Answer(task, isThere: true, savedAt, RejectedAt(chosen), s_noon.AddDays(1)).Hold);
    }

    [Theory]
    [InlineData(nameof(KlingTaskState.Unknown))]
    [InlineData(nameof(KlingTaskState.Generating))]
    [InlineData(nameof(KlingTaskState.Succeeded))]
    public void A_video_that_is_rejected_again_while_a_later_take_is_open_gets_that_one(string state)
    {
        KlingVideoTask first = Task(1, take: 1, minute: 0);
        KlingVideoTask open = Task(2, take: 2, minute: 11, state, isSaved: false);
        KlingVideoTask failed = Task(3, take: 3, minute: 25, nameof(KlingTaskState.Failed), isSaved: false);

        Assert.Equal((2, TakeHold.LaterIsOpen), Answer(first, 20, open));
        Assert.Equal((2, TakeHold.LaterIsOpen), Answer(first, 20, open, failed));
        Assert.Equal((2, TakeHold.None), Answer(first, 10, open));
        Assert.Equal((3, TakeHold.None), Answer(first, 20, open, failed with { TaskState = KlingTaskState.Succeeded, SavedPath = "/fox-3.mp4" }));
        Assert.Equal((4, TakeHold.None), Answer(failed with { Id = 4, TaskState = KlingTaskState.Succeeded, SavedPath = "/fox-3.mp4" }, 30, first, open));
    }

    [Fact]
    public void A_take_that_failed_is_asked_for_again_unless_another_was_made()
    {
        KlingVideoTask failed = Task(2, take: 2, minute: 11, nameof(KlingTaskState.Failed), isSaved: false);

        Assert.Equal((2, TakeHold.None), Answer(Task(1, take: 1, minute: 0), 10, failed));
        Assert.Equal((3, TakeHold.None), Answer(Task(1, take: 1, minute: 0), 10, failed, Task(3, take: 3, minute: 12)));
    }

    [Fact]
    public void However_often_the_line_is_run_each_choice_buys_at_most_once()
        => Gen.Int[0, 9].Array[1, 60].Sample(steps =>
        {
            List<KlingVideoTask> tasks = [Task(1, take: 1, minute: 0)];
            var choices = new Dictionary<long, GalleryChoice>();
            int minute = 0;
            int wishes = 0;
            foreach (int step in steps)
            {
                minute++;
                if (step < 4)
                {
                    choices[tasks[step % tasks.Count].Id] = RejectedAt(minute);
                    wishes++;
                    continue;
                }

                // One of these runs ends in the middle, as if the shell had been closed.
                foreach (KlingVideoTask task in tasks.ToArray().Take(step == 9 ? 1 : tasks.Count).Where(task => choices.ContainsKey(task.Id)))
                {
                    int take = new Takes(tasks).Answer(task, isThere: true, null, choices[task.Id], s_noon.AddMinutes(minute)).Take;
                    if (!tasks.Exists(there => there.Take == take))
                    {
                        tasks.Add(Task(tasks.Count + 1, take, minute));
                    }
                }

                // Run again at once, it buys nothing.
                int count = tasks.Count;
                Assert.All(
                    tasks.Take(step == 9 ? 1 : count).Where(task => choices.ContainsKey(task.Id)),
                    task => Assert.Contains(tasks, there => there.Take == new Takes(tasks).Answer(task, isThere: true, null, choices[task.Id], s_noon.AddMinutes(minute)).Take));
            }

            Assert.True(tasks.Count - 1 <= wishes, $"{wishes} choices bought {tasks.Count - 1} videos.");
        });
}
