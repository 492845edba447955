using CsCheck;
using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class TaskTransitionsTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    private static readonly KlingTaskState[] s_observable =
        [KlingTaskState.Waiting, KlingTaskState.Queuing, KlingTaskState.Generating, KlingTaskState.Succeeded, KlingTaskState.Failed];

    private static readonly KlingVideoTask s_begun = TaskTransitions.Begun(
        new TaskIntent
        {
            Account = "account",
            Spec = new VideoSpec { Prompt = "A fox runs.", Image = MediaSource.FromFile("/images/fox.png") with { Hash = "aa", Uri = "https://uploads.example/aa.png" } },
            Identity = "identity",
            Credits = 42,
            Replaces = new KlingVideoTask { Id = 3, Account = "account" },
            Nonce = "nonce",
        },
        s_now);

    private static readonly Gen<TaskSnapshot> s_snapshots =
        from state in Gen.Int[0, s_observable.Length - 1]
        from credits in Gen.Int[-2, 90]
        from isPriced in Gen.Bool
        from links in Gen.Int[0, 2]
        from completed in Gen.Bool
        select new TaskSnapshot
        {
            TaskId = "t1",
            State = s_observable[state],
            CreditsConsumed = isPriced ? credits : null,
            ResultUris = [.. Enumerable.Range(0, links).Select(link => $"https://videos.example/{credits}-{link}.mp4")],
            FailCode = s_observable[state] == KlingTaskState.Failed ? "501" : null,
            CompletedAt = completed ? s_now.AddMinutes(3) : null,
        };

    /// <summary>What may become known of a task, as the journal tells it: nothing is observed of a task whose id is not known.</summary>
    private static readonly Gen<Step> s_steps = Gen.OneOf(
        Gen.Const(new Step("accept", task => task.Accepted("t1", s_now))),
        Gen.Const(new Step("accept another", task => task.Accepted("t2", s_now))),
        s_snapshots.Select(snapshot => new Step($"join {snapshot.State}", task => task.Joined(TaskTransitions.Adopted("account", snapshot, s_now)))),
        Gen.Const(new Step("reject", task => task.Rejected("422", "no", s_now))),
        Gen.Const(new Step("lose", task => task.Lost("lost"))),
        Gen.Const(new Step("hold back", task => task.HeldBack("later", s_now))),
        Gen.Const(new Step("send again", task => task.SentAgain())),
        Gen.Const(new Step("orphan", task => task.Orphaned("gone", s_now))),
        Gen.Const(new Step("abandon", task => task.Abandoned(s_now))),
        Gen.Const(new Step("not replaced", task => task.NotReplaced(42))),
        Gen.Const(new Step("forget", task => task.Forgotten("t1", "gone", s_now))),
        Gen.Select(s_snapshots, Gen.Int[0, 3], (snapshot, behind) => new Step(
            $"observe {snapshot.State}{(behind > 0 ? ", overtaken" : string.Empty)}",
            task => task.TaskId is null || task.Reversals < behind ? null : task.Observed(snapshot with { SeenReversals = task.Reversals - behind }, s_now))),
        Gen.Const(new Step("save", task => task.TaskState == KlingTaskState.Succeeded ? task.Saved("/videos/fox.mp4", "bb") : null)));

    private static void SampleSteps(Action<Step, KlingVideoTask, KlingVideoTask> check) => s_steps.Array[1, 12].Sample(
        steps =>
        {
            KlingVideoTask before = s_begun;
            foreach (Step step in steps)
            {
                if (step.Change(before) is KlingVideoTask after)
                {
                    check(step, before, after);
                    before = after;
                }
            }
        },
        iter: 20_000);

    [Fact]
    public void A_settled_task_stays_settled_unless_it_was_or_may_have_been_accepted_after_all_or_the_service_tells_of_it_again() => SampleSteps((step, before, after) =>
    {
        if (before.TaskState is KlingTaskState.Failed && before.TaskState != after.TaskState)
        {
            Assert.True(after.TaskState == KlingTaskState.Succeeded || !step.Name.EndsWith("overtaken", StringComparison.Ordinal), $"{step}: {after.State}");
            Assert.StartsWith("observe", step.Name, StringComparison.Ordinal);
        }
        else if (before.TaskState.IsSettled() && before.TaskState != after.TaskState)
        {
            Assert.True(before.TaskState is KlingTaskState.Rejected or KlingTaskState.Abandoned, $"{before.State}, {step}: {after.State}");
            Assert.True(
                before.IsForgotten ? step.Name.StartsWith("observe", StringComparison.Ordinal)
                    : before.TaskId is null && (after.TaskId is not null || (step.Name is "lose" or "not replaced" && after.TaskState == KlingTaskState.Unknown)),
                $"{before.State}, {step}: {after.State}");
        }
    });

    [Fact]
    public void An_answer_that_others_have_overtaken_does_not_say_that_a_task_has_failed() => SampleSteps((step, before, after) =>
        Assert.False(before.TaskState.IsPending() && after.TaskState == KlingTaskState.Failed && step.Name.EndsWith("overtaken", StringComparison.Ordinal), $"{before}, {step}"));

    [Fact]
    public void A_task_has_failed_once_more_than_it_was_taken_up_again_exactly_when_it_has_failed() => SampleSteps((step, before, after) =>
        Assert.True(after.TaskState == KlingTaskState.Failed == (after.Reversals % 2 == 1) && after.Reversals >= before.Reversals, $"{before.State}, {step}: {after.State}, {after.Reversals}"));

    [Fact]
    public void Of_a_finished_video_only_the_link_and_the_file_change() => SampleSteps((_, before, after) =>
    {
        if (before.TaskState is KlingTaskState.Succeeded)
        {
            Assert.Equal(before with { ResultUri = after.ResultUri, SavedPath = after.SavedPath, SavedHash = after.SavedHash }, after);
            Assert.False(before.ResultUri is not null && after.ResultUri is null);
        }
        else if (before.TaskState is KlingTaskState.Failed && after.TaskState is KlingTaskState.Failed)
        {
            Assert.Equal(before, after);
        }
    });

    [Fact]
    public void A_task_never_loses_its_id_and_never_gets_another() => SampleSteps((step, before, after) =>
        Assert.True(before.TaskId is null || after.TaskId == before.TaskId, $"{before.TaskId}, {step}: {after.TaskId}"));

    [Fact]
    public void What_was_asked_for_and_who_pays_never_changes() => SampleSteps((_, _, after) => Assert.Equal(
        (s_begun.Spec, s_begun.Account, s_begun.Identity, s_begun.Nonce, s_begun.Replaces, s_begun.CreatedAt),
        (after.Spec, after.Account, after.Identity, after.Nonce, after.Replaces, after.CreatedAt)));

    [Fact]
    public void Credits_are_never_negative_and_set_aside_exactly_while_the_end_is_open() => SampleSteps((step, before, after) =>
    {
        Assert.True(after.CreditsReserved >= 0 && after.CreditsConsumed is null or >= 0, $"{before}, {step}: {after.CreditsReserved}, {after.CreditsConsumed}");
        Assert.True(after.TaskState.IsSettled() ? after.CreditsReserved == 0 : after.CreditsReserved > 0, $"{before.State}, {step}: {after.State} with {after.CreditsReserved} set aside");
        Assert.Equal(after.TaskState is KlingTaskState.Succeeded or KlingTaskState.Failed or KlingTaskState.Rejected || after.IsForgotten, after.CreditsConsumed is not null);
    });

    [Fact]
    public void A_task_has_an_id_exactly_when_the_service_has_it_and_an_end_exactly_when_it_has_ended() => SampleSteps((step, before, after) =>
    {
        bool isBought = after.TaskState.IsPending() || after.IsForgotten || after.TaskState is KlingTaskState.Succeeded or KlingTaskState.Failed;
        Assert.True(isBought == after.TaskId is not null, $"{before.State}, {step}: {after.State}, {after.TaskId}");
        Assert.True(after.TaskState.IsSettled() == after.CompletedAt is not null, $"{before.State}, {step}: {after.State}, {after.CompletedAt}");
    });

    [Fact]
    public void Only_a_request_under_way_is_held_back() => SampleSteps((step, before, after)
        => Assert.True(after.HeldBackAt is null || after.TaskState == KlingTaskState.Submitting, $"{before.State}, {step}: {after.State}"));

    [Fact]
    public void An_attempt_that_nobody_works_on_any_more_is_unknown_unless_it_was_held_back() => SampleSteps((step, before, after) =>
    {
        if (step.Name == "orphan")
        {
            Assert.Equal(before.HeldBackAt is null ? KlingTaskState.Unknown : KlingTaskState.Rejected, after.TaskState);
        }
    });

    /// <summary>Which changes apply in which state; the rest find that the record has moved on.</summary>
    public static TheoryData<KlingTaskState, bool, bool, bool, bool, bool> Applicable => new()
    {
        // Accepted, Rejected, Lost, Abandoned, NotReplaced.
        { KlingTaskState.Submitting, true, true, true, false, false },
        { KlingTaskState.Unknown, true, true, true, true, false },
        { KlingTaskState.Rejected, true, false, true, false, false },
        { KlingTaskState.Abandoned, true, false, true, false, true },
        { KlingTaskState.Waiting, false, false, false, false, false },
        { KlingTaskState.Queuing, false, false, false, false, false },
        { KlingTaskState.Generating, false, false, false, false, false },
        { KlingTaskState.Succeeded, false, false, false, false, false },
        { KlingTaskState.Failed, false, false, false, false, false },
    };

    [Theory]
    [MemberData(nameof(Applicable))]
    public void A_change_applies_only_to_a_task_that_has_not_moved_on(KlingTaskState state, bool accepted, bool rejected, bool lost, bool abandoned, bool notReplaced)
    {
        KlingVideoTask task = In(state);

        Assert.Equal(state, task.TaskState);
        Assert.Equal(
            (accepted, accepted, rejected, lost, abandoned, notReplaced),
            (
                task.Accepted("t9", s_now) is not null,
                task.Joined(TaskTransitions.Adopted("account", Snapshot(KlingTaskState.Generating), s_now)) is not null,
                task.Rejected("422", "no", s_now) is not null,
                task.Lost("in another way") is not null,
                task.Abandoned(s_now) is not null,
                task.NotReplaced(42) is not null));
    }

    [Fact]
    public void An_attempt_that_was_given_up_for_another_one_which_is_rejected_is_unknown_as_before()
    {
        KlingVideoTask lost = s_begun.Lost("The line broke.")!;
        KlingVideoTask given = lost.Abandoned(s_now)!;

        Assert.Equal(lost with { CreditsReserved = 60 }, given.NotReplaced(60));
        Assert.Null((given with { TaskId = "t1" }).NotReplaced(60));
    }

    [Fact]
    public void An_attempt_that_was_given_up_when_it_was_known_how_its_response_was_lost_stays_given_up()
    {
        KlingVideoTask given = s_begun.Lost("The line broke.")!.Abandoned(s_now)!;

        Assert.Null(given.Lost("The line broke."));
        Assert.Equal(KlingTaskState.Unknown, given.Lost("The line was cut.")!.TaskState);

        // Only the beginning of a long sentence is kept.
        string sentence = new('x', ReceivedText.MaxMessageLength + 1);
        given = given with { FailMessage = ReceivedText.Cut(sentence, ReceivedText.MaxMessageLength) };
        Assert.Null(given.Lost(sentence));
    }

    [Fact]
    public void Every_state_is_in_the_table() => Assert.Equal(Enum.GetValues<KlingTaskState>().Order(), Applicable.Select(row => row.Data.Item1).Order());

    [Fact]
    public void An_adopted_task_that_runs_counts_with_its_price_until_the_service_says_what_it_holds()
    {
        TaskSnapshot snapshot = Snapshot(KlingTaskState.Generating) with { Spec = new VideoSpec { Prompt = "a fox", Image = MediaSource.FromUri("https://i.example/a.png"), Duration = 10 } };

        Assert.Equal(84, TaskTransitions.Adopted("account", snapshot, s_now).CreditsReserved);
        Assert.Equal(84, TaskTransitions.Adopted("account", snapshot with { CreditsConsumed = 0 }, s_now).CreditsReserved);
        Assert.Equal(60, TaskTransitions.Adopted("account", snapshot with { CreditsConsumed = 60 }, s_now).CreditsReserved);
    }

    [Fact]
    public void A_task_was_made_and_has_ended_when_the_service_says_and_now_where_it_does_not_say()
    {
        DateTimeOffset made = s_now.AddMinutes(-9);
        DateTimeOffset ended = s_now.AddMinutes(-2);
        TaskSnapshot silent = Snapshot(KlingTaskState.Failed);
        TaskSnapshot telling = silent with { CreatedAt = made, CompletedAt = ended };
        KlingVideoTask accepted = s_begun.Accepted("t1", s_now)!;
        DateTimeOffset later = s_now.AddHours(1);

        Assert.Equal((made, made, ended), Times(TaskTransitions.Adopted("account", telling, later)));
        Assert.Equal((later, null, later), Times(TaskTransitions.Adopted("account", silent, later)));
        Assert.Equal((s_now, made, ended), Times(accepted.Observed(telling, later)));
        Assert.Equal((s_now, s_now, later), Times(accepted.Observed(silent, later)));

        static (DateTimeOffset, DateTimeOffset?, DateTimeOffset?) Times(KlingVideoTask task) => (task.CreatedAt, task.AcceptedAt, task.CompletedAt);
    }

    [Theory]
    [InlineData(KlingTaskState.Succeeded, null, 40)]
    [InlineData(KlingTaskState.Succeeded, -1, 40)]
    [InlineData(KlingTaskState.Succeeded, 0, 40)]
    [InlineData(KlingTaskState.Succeeded, 60, 60)]
    [InlineData(KlingTaskState.Failed, null, 0)]
    [InlineData(KlingTaskState.Failed, -1, 0)]
    [InlineData(KlingTaskState.Failed, 60, 60)]
    public void A_task_costs_what_the_service_says_or_else_what_was_set_aside_for_a_video_and_nothing_for_a_failure(KlingTaskState state, int? charge, int cost)
    {
        KlingVideoTask task = s_begun.Accepted("t1", s_now)! with { CreditsReserved = 40 };

        Assert.Equal(cost, task.Observed(Snapshot(state) with { CreditsConsumed = charge }, s_now).CreditsConsumed);
    }

    [Fact]
    public void An_accepted_purchase_keeps_what_was_set_aside_and_one_that_counted_as_not_bought_counts_with_its_price()
    {
        KlingVideoTask begun = s_begun with { CreditsReserved = 40 };

        Assert.Equal(40, begun.Accepted("t1", s_now)!.CreditsReserved);
        Assert.Equal(40, begun.Lost("lost")!.Accepted("t1", s_now)!.CreditsReserved);
        Assert.Equal(42, begun.Rejected("422", "no", s_now)!.Accepted("t1", s_now)!.CreditsReserved);
        Assert.Equal(42, begun.Lost("lost")!.Abandoned(s_now)!.Accepted("t1", s_now)!.CreditsReserved);
    }

    [Fact]
    public void A_later_poll_brings_a_fresh_link_to_a_finished_video()
    {
        KlingVideoTask video = s_begun.Accepted("t1", s_now)!.Observed(Snapshot(KlingTaskState.Succeeded) with { ResultUris = ["https://videos.example/1.mp4", "https://videos.example/2.mp4"] }, s_now);
        TaskSnapshot later = Snapshot(KlingTaskState.Succeeded) with { ResultUris = ["https://videos.example/3.mp4"] };

        Assert.Equal("https://videos.example/1.mp4", video.ResultUri);
        Assert.Equal("https://videos.example/1.mp4", video.Observed(later with { ResultUris = [] }, s_now).ResultUri);
        Assert.Equal(video with { ResultUri = "https://videos.example/3.mp4" }, video.Observed(later, s_now));
    }

    [Fact]
    public void A_task_that_failed_and_has_a_video_after_all_is_paid_for()
    {
        KlingVideoTask failed = s_begun.Accepted("t1", s_now)!.Observed(Snapshot(KlingTaskState.Failed) with { FailCode = "500", FailMessage = "internal error" }, s_now);

        KlingVideoTask made = failed.Observed(Snapshot(KlingTaskState.Succeeded) with { ResultUris = ["https://videos.example/1.mp4"] }, s_now);

        Assert.Equal((KlingTaskState.Succeeded, "https://videos.example/1.mp4"), (made.TaskState, made.ResultUri));
        Assert.Equal((0m, 42m), (made.CreditsReserved, made.CreditsConsumed));
        Assert.Equal((null, null), (made.FailCode, made.FailMessage));
        Assert.Equal(failed, failed.Observed(Snapshot(KlingTaskState.Generating), s_now));
        Assert.Equal(failed, failed.Observed(Snapshot(KlingTaskState.Failed).After(failed), s_now));
        Assert.Equal(made, made.Observed(Snapshot(KlingTaskState.Failed), s_now));
    }

    [Fact]
    public void A_purchase_that_turns_out_to_be_an_adopted_task_has_the_video_that_was_saved_for_that_one()
    {
        KlingVideoTask adopted = TaskTransitions.Adopted("account", Snapshot(KlingTaskState.Succeeded), s_now).Saved("/videos/fox.mp4", "bb");

        KlingVideoTask joined = s_begun.Joined(adopted)!;

        Assert.Equal(("/videos/fox.mp4", "bb"), (joined.SavedPath, joined.SavedHash));
        Assert.Equal(joined, s_begun.Saved("/videos/owl.mp4", "cc").Joined(adopted));
        KlingVideoTask kept = s_begun.Saved("/videos/owl.mp4", "cc").Joined(adopted with { SavedPath = null, SavedHash = null })!;
        Assert.Equal(("/videos/owl.mp4", "cc"), (kept.SavedPath, kept.SavedHash));
    }

    [Fact]
    public void A_purchase_sets_its_price_aside_and_at_an_unknown_price_nothing()
    {
        Assert.Equal(40, TaskTransitions.Begun(new TaskIntent { Account = "account", Spec = s_begun.Spec, Identity = "identity", Credits = 40, Nonce = "nonce" }, s_now).CreditsReserved);

        VideoSpec unpriced = s_begun.Spec with { Model = "kling/of-next-year" };

        Assert.Equal(0, TaskTransitions.Begun(new TaskIntent { Account = "account", Spec = unpriced, Identity = "identity", Credits = null, Nonce = "nonce" }, s_now).CreditsReserved);
        Assert.Equal(0, TaskTransitions.Adopted("account", Snapshot(KlingTaskState.Waiting) with { Spec = unpriced }, s_now).CreditsReserved);
    }

    public static TheoryData<KlingTaskState> States => [.. Enum.GetValues<KlingTaskState>()];

    [Theory]
    [MemberData(nameof(States))]
    public void Only_an_attempt_that_is_under_way_is_held_back_or_sent_again(KlingTaskState state)
    {
        KlingVideoTask task = In(state);

        Assert.Equal(state == KlingTaskState.Submitting ? task with { HeldBackAt = s_now, FailMessage = "later" } : null, task.HeldBack("later", s_now));
        Assert.Equal(state == KlingTaskState.Submitting ? task : null, (task with { HeldBackAt = s_now, FailMessage = "later" }).SentAgain());
    }

    [Fact]
    public void A_task_that_turns_out_to_be_another_ones_leaves_an_unknown_attempt()
    {
        KlingVideoTask task = In(KlingTaskState.Generating);

        KlingVideoTask detached = task.Detached("t1", "It is the task of another image.")!;

        Assert.Equal(task with { TaskId = null, TaskState = KlingTaskState.Unknown, AcceptedAt = null, FailMessage = "It is the task of another image." }, detached);
        Assert.Equal(task.CreditsReserved, detached.CreditsReserved);
        Assert.Null(task.Detached("t2", "It is the task of another image."));
        Assert.Null(In(KlingTaskState.Succeeded).Detached("t1", "It is the task of another image."));
    }

    [Theory]
    [MemberData(nameof(States))]
    public void Only_a_task_that_the_service_has_accepted_and_not_ended_is_given_up_as_forgotten_and_its_credits_stay_spent(KlingTaskState state)
    {
        KlingVideoTask task = In(state);

        KlingVideoTask? forgotten = task.Forgotten("t1", "gone", s_now);

        Assert.Equal(
            !state.IsPending() ? null
                : task with { TaskState = KlingTaskState.Abandoned, CompletedAt = s_now, CreditsReserved = 0, CreditsConsumed = 42, FailMessage = "gone" },
            forgotten);
        Assert.Equal(state.IsPending(), forgotten?.IsForgotten ?? false);
        Assert.Null(task.Forgotten("t2", "gone", s_now));
        Assert.False(In(KlingTaskState.Abandoned).IsForgotten);
    }

    [Theory]
    [InlineData(KlingTaskState.Generating, 42, null)]
    [InlineData(KlingTaskState.Succeeded, 0, 42)]
    [InlineData(KlingTaskState.Failed, 0, 0)]
    public void A_forgotten_task_that_the_service_tells_of_again_goes_on_where_it_says(KlingTaskState state, int reserved, int? consumed)
    {
        KlingVideoTask before = In(KlingTaskState.Waiting);
        KlingVideoTask forgotten = before.Forgotten("t1", "gone", s_now)!;

        KlingVideoTask known = forgotten.Observed(Snapshot(state), s_now.AddHours(1));

        Assert.Equal(before.Observed(Snapshot(state), s_now.AddHours(1)), known);
        Assert.Equal((state, reserved, consumed, null), (known.TaskState, (int)known.CreditsReserved, (int?)known.CreditsConsumed, known.FailMessage));
    }

    [Fact]
    public void A_purchase_that_turns_out_to_be_a_task_that_was_forgotten_meanwhile_counts_as_open_again()
    {
        KlingVideoTask adopted = TaskTransitions.Adopted("account", Snapshot(KlingTaskState.Generating), s_now) with { CreditsReserved = 40 };

        KlingVideoTask joined = s_begun.Joined(adopted.Forgotten("t1", "gone", s_now)!)!;

        Assert.Equal((KlingTaskState.Waiting, 40m, null, null), (joined.TaskState, joined.CreditsReserved, joined.CreditsConsumed, joined.CompletedAt));
    }

    [Fact]
    public void A_video_that_was_taken_elsewhere_is_so_from_the_first_time_on_until_that_is_taken_back_or_it_is_saved()
    {
        KlingVideoTask video = In(KlingTaskState.Succeeded);

        KlingVideoTask taken = video.Taken(true, s_now)!;

        Assert.Equal(video with { TakenAt = s_now }, taken);
        Assert.Equal(taken, taken.Taken(true, s_now.AddHours(1)));
        Assert.Equal(video, taken.Taken(false, s_now));
        Assert.Null(taken.Saved("/videos/fox.mp4", "bb").TakenAt);
        Assert.Equal(taken with { SavedPath = "/videos/fox.mp4", SavedHash = "bb" }, taken.Found("/videos/fox.mp4", "bb"));
        Assert.Null(In(KlingTaskState.Failed).Taken(true, s_now));
    }

    private static TaskSnapshot Snapshot(KlingTaskState state) => new() { TaskId = "t1", State = state };

    private static KlingVideoTask In(KlingTaskState state) => state switch
    {
        KlingTaskState.Submitting => s_begun,
        KlingTaskState.Unknown => s_begun.Lost("lost")!,
        KlingTaskState.Rejected => s_begun.Rejected("422", "no", s_now)!,
        KlingTaskState.Abandoned => s_begun.Lost("lost")!.Abandoned(s_now)!,
        _ => s_begun.Accepted("t1", s_now)!.Observed(Snapshot(state), s_now),
    };

    private sealed record Step(string Name, Func<KlingVideoTask, KlingVideoTask?> Change)
    {
        public override string ToString() => Name;
    }
}
